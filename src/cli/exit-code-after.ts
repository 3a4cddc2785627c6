import { IamTokenError } from '../client/iam-token-error.ts';
import { messageOf } from '../shared/thrown.ts';
import { Interrupted, OutputClosed, UsageError } from './endings.ts';
import { exitCodeOf, exitCodes, interruptedExitCode, outputClosedExitCode } from './exit-codes.ts';
import { printError } from './terminal.ts';

/** Waits for the end of a command, and tells the person why it failed, where it did. */
export async function exitCodeAfter(command: Promise<number | void>): Promise<number> {
  try {
    return (await command) ?? exitCodes.done.code;
  } catch (error) {
    if (error instanceof OutputClosed) return outputClosedExitCode;
    if (error instanceof Interrupted) return interruptedExitCode;
    if (error instanceof IamTokenError) {
      printError(error.message, error.hint);
      return exitCodeOf(error.code);
    }
    if (error instanceof UsageError) {
      printError(error.message, error.hint);
      return exitCodes.usage.code;
    }
    printError(messageOf(error));
    return exitCodes.unexpected.code;
  }
}
