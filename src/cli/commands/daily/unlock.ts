import type { UnlockResult } from '../../../protocol/method-types.ts';
import { checkDaemon } from '../../check-daemon.ts';
import type { CommandContext, CommandDefinition } from '../../command.ts';
import { flag, keychainTimeoutMs } from '../../parsing/options.ts';
import { print } from '../../terminal/terminal.ts';
import { unlockStore } from '../../unlock-store.ts';

const outcomeMessages: Readonly<Record<UnlockResult['outcome'], string>> = {
  made: 'created and opened the file store',
  opened: 'unlocked',
  was_open: 'already unlocked',
};

export const unlock: CommandDefinition = {
  name: 'unlock',
  summary: 'load the secrets again and serve tokens',
  description: 'If the file store has a passphrase, it is read from a hidden prompt.',
  options: { stdin: flag('read the passphrase of the file store from one line of stdin') },
  examples: ['iam-token unlock', 'iam-token unlock --stdin < passphrase.txt'],
  timeoutMs: keychainTimeoutMs,
  run: runUnlock,
};

async function runUnlock(context: CommandContext): Promise<void> {
  const { store } = await checkDaemon('unlock', context);
  print(outcomeMessages[await unlockStore(context, store, context.options.has('stdin'))]);
}
