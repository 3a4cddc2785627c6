import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from './command.ts';
import { print } from './terminal.ts';

/** The script asks `iam-token __complete` at each Tab, so that it fits whatever release is installed. */
export const completion: Command = async ({ operand }) =>
  print(readFileSync(join(__dirname, '../../scripts/shells', `iam-token.${operand}`), 'utf8').trimEnd());
