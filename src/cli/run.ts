import { strangeNames } from '../config/environment-names.ts';
import type { Surroundings } from '../platform/places.ts';
import { exitCodeAfter } from './exit-codes.ts';
import { printWarning } from './terminal.ts';
import { printToken } from './token.ts';

/**
 * Runs one call of `iam-token`.
 * @returns its exit code
 */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  if (args.length === 0) {
    for (const message of strangeNames(surroundings.env)) printWarning(message);
    return exitCodeAfter(printToken({}, surroundings));
  }
  const { runCommandLine } = await import('./run-command-line.ts');
  return runCommandLine(args, surroundings);
}
