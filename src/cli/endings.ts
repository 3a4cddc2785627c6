/** How a command ends early; `exit-codes.ts` makes an exit code of each. */
import { IamTokenError } from '../client/iam-token-error.ts';

/** The command line is wrong, or what stands around it. */
export function usageError(message: string, hint?: string): IamTokenError {
  return new IamTokenError('bad_request', message, { hint });
}

/** As a shell has it for a program that a signal ended: 128 and the signal's number. */
const quietExitCodes = { interrupted: 130, 'nobody reads the output': 141 } as const;

/** There is nothing to say: the person at the keyboard ended it, or whoever read our output went away. */
export class QuietEnd extends Error {
  override readonly name = 'QuietEnd';
  readonly exitCode: number;

  constructor(why: keyof typeof quietExitCodes, options?: ErrorOptions) {
    super(why, options);
    this.exitCode = quietExitCodes[why];
  }
}
