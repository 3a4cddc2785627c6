/** The path of the call without arguments: import nothing here that it does not need. */
import type { IamTokenOptions } from '../client/api-types.ts';
import { requestToken } from '../client/request-token.ts';
import type { ProcessContext } from '../platform/paths.ts';
import type { TokenResult } from '../protocol/method-types.ts';
import { addSocketToHint } from './socket-hints.ts';
import { isTerminal, print, printWarning, withProgress } from './terminal/terminal.ts';

export type TokenFormat = (result: TokenResult) => string;

/**
 * @param isQuiet print nothing but errors to stderr
 * @returns the printed result
 */
export async function printToken(
  request: IamTokenOptions,
  processContext: ProcessContext,
  format: TokenFormat = ({ token }) => token,
  isQuiet = false,
): Promise<TokenResult> {
  const pendingResult = requestToken(request, processContext);
  const result = await (isQuiet ? pendingResult : withProgress('a token', pendingResult));
  print(format(result));
  if (!isQuiet) printTokenWarning(result, request.socketPath);
  return result;
}

/** On a terminal only: the output of a script must not change. */
export function printTokenWarning({ warning }: TokenResult, socketPath: string | undefined): void {
  if (warning === undefined || !isTerminal('stderr')) return;
  const { message, hint } = warning;
  printWarning(message, hint === undefined ? undefined : addSocketToHint(hint, socketPath));
}
