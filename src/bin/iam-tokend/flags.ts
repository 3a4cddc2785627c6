import { parseArgs } from 'node:util';
import { daemonOptions } from '../../cli/daemon-options.ts';
import { problemOf } from '../../shared/errors.ts';

/** Exit code 2, as for a `ConfigError`. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export type Flags = ReturnType<typeof parseFlags>;

/** @throws UsageError */
export function parseFlags() {
  try {
    return parseArgs({ options: daemonOptions }).values;
  } catch (cause) {
    const [said = ''] = problemOf(cause).message.split(/\.\s|\.?$/);
    throw new UsageError(`${said.charAt(0).toLowerCase()}${said.slice(1)}; see iam-tokend --help`, { cause });
  }
}
