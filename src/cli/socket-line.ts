/** After `--socket PATH`, the commands in a hint would call another daemon. Hints are not changed: a line precedes them. */
import { callsDaemon, formatHint, type Hint } from '../shared/hint.ts';
import { quotePowerShellWord, quoteShellWord } from '../shared/shell-quoting.ts';
import type { CommandContext } from './command.ts';

/** Which daemon a command line calls. */
export type DaemonSelection = Pick<CommandContext, 'socketPath' | 'processContext'>;

/** The command that leads those after it to the daemon of `--socket`; `undefined` without this option. */
export function formatSocketLine({ socketPath, processContext }: DaemonSelection): string | undefined {
  if (!socketPath) return undefined;
  const { platform } = processContext;
  return platform === 'win32'
    ? `$env:IAM_TOKEND_SOCKET = ${quotePowerShellWord(socketPath)}`
    : `export IAM_TOKEND_SOCKET=${quoteShellWord(socketPath, platform)}`;
}

/** The text of a hint, after that line if a command in it calls the daemon. */
export function formatHintText(hint: Hint | undefined, selection?: DaemonSelection): string | undefined {
  if (hint === undefined) return undefined;
  const socketLine = selection && callsDaemon(hint) ? formatSocketLine(selection) : undefined;
  return [...(socketLine === undefined ? [] : [socketLine]), formatHint(hint)].join('\n');
}
