/** How a command ends early; `exit-codes.ts` maps each to an exit code. */
import { IamTokenError } from '../shared/errors.ts';
import type { Hint } from '../shared/hint.ts';

/** The command line or its environment is wrong: exit code 2. */
export function usageError(message: string, hint?: Hint): IamTokenError {
  return new IamTokenError({ code: 'bad_request', message, hint });
}

/** As shells report a program ended by a signal: 128 plus the signal's number. */
const silentExitCodes = { interrupted: 130, 'broken pipe': 141 } as const;

/** Exits without a message: the user pressed Ctrl-C, or the reader of the output closed the pipe. */
export class SilentExit extends Error {
  override readonly name = 'SilentExit';
  readonly exitCode: number;

  constructor(reason: keyof typeof silentExitCodes, options?: ErrorOptions) {
    super(reason, options);
    this.exitCode = silentExitCodes[reason];
  }
}
