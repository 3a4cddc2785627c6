import { IamTokenError, type IamTokenErrorCode } from '../../shared/errors.ts';
import { userMessage } from '../../shared/error-utils.ts';
import { SilentExit } from '../cli-errors.ts';
import { type DaemonSelection, formatHintText } from '../socket-line.ts';
import { printError } from '../terminal/terminal.ts';

/** The meanings as `--help` and the manual page list them. */
export const exitCodes = {
  0: 'success',
  1: 'unexpected failure',
  2: 'usage error',
  3: 'daemon not reachable',
  4: 'login required',
  5: 'no valid token now (retrying)',
  6: 'keychain, store or daemon locked or missing',
  7: 'no such profile',
} as const;

const exitCodeByErrorCode: Readonly<Record<IamTokenErrorCode, keyof typeof exitCodes>> = {
  bad_request: 2,
  forbidden: 2,
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
  return exitCodeByErrorCode[code];
}

/**
 * Prints the error of a command.
 * @param selection absent without a command line
 * @returns the exit code
 */
export function reportError(error: unknown, selection?: DaemonSelection): number {
  if (error instanceof SilentExit) return error.exitCode;
  const isIamTokenError = error instanceof IamTokenError;
  const hint = isIamTokenError ? error.unrenderedHint : undefined;
  printError(userMessage(error), formatHintText(hint, selection));
  return exitCodeOf(isIamTokenError ? error.code : 'internal');
}
