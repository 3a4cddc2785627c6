import { callDaemon, type CommandContext, type CommandDefinition } from '../../command.ts';
import { formatSocketLine } from '../../socket-line.ts';
import { print, printHint, printWarning } from '../../terminal/terminal.ts';
import * as methods from '../../../protocol/methods.ts';

const unlockHint = 'iam-token unlock';

export const lock: CommandDefinition = {
  name: 'lock',
  summary: 'drop all secrets from memory and refuse tokens until unlock',
  examples: ['iam-token lock'],
  run: runLock,
};

async function runLock(context: CommandContext): Promise<void> {
  const { outcome, warning } = await callDaemon(context, methods.lock, {});
  const socketLine = formatSocketLine(context);
  if (socketLine !== undefined) printHint(socketLine);
  print(`${outcome === 'locked' ? 'locked' : 'already locked'}; to unlock: ${unlockHint}`);
  if (warning !== undefined) printWarning(warning.message, warning.hint);
}
