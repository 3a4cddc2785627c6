import { callDaemon, type CommandContext, type CommandDefinition } from '../../command.ts';
import { escapeControlCharacters } from '../../terminal/escape.ts';
import { print } from '../../terminal/terminal.ts';
import * as methods from '../../../protocol/methods.ts';

export const use: CommandDefinition = {
  name: 'use',
  summary: 'set the default profile',
  operand: { kind: 'profile', placeholder: 'NAME' },
  examples: ['iam-token use work'],
  run: runUse,
};

async function runUse(context: CommandContext): Promise<void> {
  const { profile } = await callDaemon(context, methods.use, { profile: context.operand });
  print(`${escapeControlCharacters(profile)} is now the default profile`);
}
