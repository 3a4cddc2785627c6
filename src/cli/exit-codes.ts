import { IamTokenError, type IamTokenErrorCode } from '../client/iam-token-error.ts';
import { sentenceOf } from '../shared/thrown.ts';
import { QuietEnd } from './endings.ts';
import { printError } from './terminal.ts';

/** Exit codes and their meaning, as `--help` lists them. */
export const exitCodes = {
  0: 'done',
  1: 'unexpected failure',
  2: 'wrong usage',
  3: 'the daemon cannot be reached',
  4: 'login needed',
  5: 'no valid token now; it will be tried again',
  6: 'the keychain, or the daemon itself, is locked or missing',
  7: 'no such profile',
} as const;

const codes: Readonly<Record<IamTokenErrorCode, keyof typeof exitCodes>> = {
  bad_request: 2,
  unknown_method: 1,
  unsupported_version: 1,
  unknown_profile: 7,
  login_required: 4,
  unavailable: 5,
  keychain_locked: 6,
  keychain_unavailable: 6,
  locked: 6,
  too_busy: 5,
  internal: 1,
  unreachable: 3,
};

export function exitCodeOf(code: IamTokenErrorCode): number {
  return codes[code];
}

/** Waits for the end of a command, and tells the person why it failed, where it did. */
export async function exitCodeAfter(command: Promise<number | void>): Promise<number> {
  try {
    return (await command) ?? 0;
  } catch (error) {
    if (error instanceof QuietEnd) return error.exitCode;
    const isKnown = error instanceof IamTokenError;
    printError(sentenceOf(error), isKnown ? error.hint : undefined);
    return exitCodeOf(isKnown ? error.code : 'internal');
  }
}
