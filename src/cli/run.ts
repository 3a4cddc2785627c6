import type { Surroundings } from '../platform/places.ts';
import { exitCodeAfter } from './exit-codes.ts';
import { plainToken, printToken } from './token.ts';
import { warnOfNames } from './warn-of-names.ts';

/**
 * Runs one call of `iam-token`.
 * @returns its exit code
 */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  if (args.length === 0) {
    warnOfNames(surroundings);
    return exitCodeAfter(printToken({}, plainToken, surroundings));
  }
  const { runCommandLine } = await import('./run-command-line.ts');
  return runCommandLine(args, surroundings);
}
