/** A call without arguments loads only what prints the token. */
import { reportError } from '../cli/parsing/exit-codes.ts';
import { printToken } from '../cli/print-token.ts';
import { printWarning } from '../cli/terminal/terminal.ts';
import { findEnvironmentWarnings } from '../config/environment-warnings.ts';
import { processContext } from '../platform/process-context.ts';

const context = processContext();
const args = process.argv.slice(2);

/** @returns the exit code */
async function main(): Promise<number> {
  if (args.length > 0) {
    const { runCommandLine } = await import('../cli/run-command-line.ts');
    return runCommandLine(args, context);
  }
  for (const message of findEnvironmentWarnings(context.env)) printWarning(message);
  return printToken({}, context).then(() => 0, reportError);
}

// All output is written by now, so nothing is lost by not waiting for the event loop to run dry.
void main().then((exitCode) => process.exit(exitCode));
