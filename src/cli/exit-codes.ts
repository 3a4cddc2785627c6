import type { IamTokenErrorCode } from '../client/iam-token-error.ts';

/** Exit codes and their meaning, as `--help` lists them. */
export const exitCodes = {
  done: { code: 0, meaning: 'done' },
  unexpected: { code: 1, meaning: 'unexpected failure' },
  usage: { code: 2, meaning: 'wrong usage' },
  unreachable: { code: 3, meaning: 'the daemon cannot be reached' },
  login: { code: 4, meaning: 'login needed' },
  unavailable: { code: 5, meaning: 'no valid token now; it will be tried again' },
  locked: { code: 6, meaning: 'the keychain, or the daemon itself, is locked or missing' },
  unknownProfile: { code: 7, meaning: 'no such profile' },
} as const;

/** As a shell has it for a program that a signal ended: 128 and the signal's number. */
export const interruptedExitCode = 130;
/** What reads our output went away, as with SIGPIPE. */
export const outputClosedExitCode = 141;

const codes: Readonly<Record<IamTokenErrorCode, keyof typeof exitCodes>> = {
  bad_request: 'usage',
  unknown_method: 'unexpected',
  unsupported_version: 'unexpected',
  unknown_profile: 'unknownProfile',
  login_required: 'login',
  unavailable: 'unavailable',
  keychain_locked: 'locked',
  keychain_unavailable: 'locked',
  locked: 'locked',
  too_busy: 'unavailable',
  internal: 'unexpected',
  unreachable: 'unreachable',
};

export function exitCodeOf(code: IamTokenErrorCode): number {
  return exitCodes[codes[code]].code;
}
