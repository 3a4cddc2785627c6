import { callDaemon, type CommandContext, type CommandDefinition } from '../../command.ts';
import { addSocketToHint } from '../../socket-hints.ts';
import { print, printWarning } from '../../terminal/terminal.ts';
import * as methods from '../../../protocol/methods.ts';

export const lock: CommandDefinition = {
  name: 'lock',
  summary: 'drop all secrets from memory and refuse tokens until unlock',
  examples: ['iam-token lock'],
  run: runLock,
};

async function runLock(context: CommandContext): Promise<void> {
  const { outcome, warning } = await callDaemon(context, methods.lock, {});
  const unlockCommand = addSocketToHint('iam-token unlock', context.socketPath);
  print(`${outcome === 'locked' ? 'locked' : 'already locked'}; to unlock: ${unlockCommand}`);
  if (warning !== undefined) printWarning(warning.message, warning.hint);
}
