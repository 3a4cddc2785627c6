/** The path of the call without arguments: import nothing here that it does not need. */
import type { IamTokenOptions } from '../client/api-types.ts';
import { requestToken } from '../client/request-token.ts';
import type { ProcessContext } from '../platform/paths.ts';
import type { TokenResult } from '../protocol/method-types.ts';
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
  if (!isQuiet) printTokenWarning(result);
  return result;
}

/** On a terminal only: the output of a script must not change. */
export function printTokenWarning({ warning }: TokenResult): void {
  if (warning !== undefined && isTerminal('stderr')) printWarning(warning.message, warning.hint);
}
