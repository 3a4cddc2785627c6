import { createSystemClock } from '../adapters/system-clock.ts';
import { findEnvironmentWarnings } from '../config/environment-warnings.ts';
import type { ProcessContext } from '../platform/paths.ts';
import { commandGroups, findNamedCommand } from './command-table.ts';
import { version } from './commands/information/version.ts';
import { complete } from './completion/complete.ts';
import { reportError } from './parsing/exit-codes.ts';
import { formatHelp } from './parsing/help.ts';
import { findSocketPath, parseCommandLine, tokenizeArgs } from './parsing/parse-command-line.ts';
import { print, printWarning } from './terminal/terminal.ts';

/**
 * Runs any call that has arguments. Entry point of a separate bundle with its own copies of shared modules, so only the
 * exit code may cross the boundary: `instanceof` fails across it.
 */
export function runCommandLine(args: readonly string[], processContext: ProcessContext): Promise<number> {
  return dispatch(args, processContext).then(
    (exitCode) => exitCode ?? 0,
    (error: unknown) => {
      printFailure(args, processContext.platform);
      return reportError(error, { socketPath: findSocketPath(args), processContext });
    },
  );
}

/** As far as the command is known: the command line may be invalid. */
function printFailure(args: readonly string[], platform: NodeJS.Platform): void {
  const tokens = tokenizeArgs(args);
  const word = tokens.find((token) => token.kind === 'positional');
  const command = findNamedCommand(word?.value);
  const options = new Map(
    tokens.flatMap((token) => (token.kind === 'option' ? [[token.name, token.value ?? ''] as const] : [])),
  );
  const failure = command?.formatFailure?.(options, platform);
  if (failure === undefined) return;
  try {
    print(failure);
  } catch {
    // Nothing can be written: the error that follows and the exit code remain.
  }
}

async function dispatch(args: readonly string[], processContext: ProcessContext): Promise<number | void> {
  // Called by the completion scripts; its words are incomplete, so they do not parse.
  if (args[0] === '__complete') return complete(args.slice(1), processContext);
  const commandLine = parseCommandLine(args);
  const { options } = commandLine;
  const command = options.has('version') ? version : commandLine.command;
  // doctor reports them as findings.
  const suppressesWarnings = command.name === 'doctor' || options.has('no-user-output');
  if (!suppressesWarnings)
    for (const message of findEnvironmentWarnings(processContext.env)) printWarning(message);
  if (options.has('help')) print(formatHelp(command, commandGroups));
  else return command.run({ ...commandLine, processContext, clock: createSystemClock() });
}
