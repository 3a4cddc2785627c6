import { IamTokenError } from '../client/iam-token-error.ts';
import { hasServiceManager, startCommand } from '../platform/service-manager.ts';
import type { Call } from './command.ts';
import { install } from './install.ts';
import { askYesNo, canAsk } from './question.ts';

/** Where no daemon runs and a person is there, offers to install it before it is talked to. */
export async function orAfterInstall<T>(call: Call, talk: () => Promise<T>): Promise<T> {
  try {
    return await talk();
  } catch (error) {
    if (!(await isAccepted(call, error))) throw error;
    await install(call);
    return talk();
  }
}

async function isAccepted({ surroundings }: Call, error: unknown): Promise<boolean> {
  const isMissing = error instanceof IamTokenError && error.hint === startCommand(surroundings);
  if (!isMissing || !hasServiceManager(surroundings) || !canAsk()) return false;
  return askYesNo('iam-token: no daemon runs; install it, to start now and with each session?', 'yes');
}
