/** The path of the call without arguments: import nothing here that it does not need. */
import type { IamTokenOptions } from '../client/api-types.ts';
import { requestToken } from '../client/request-token.ts';
import type { ProcessContext } from '../platform/paths.ts';
import type { TokenResult } from '../protocol/method-types.ts';
import { receivedHint } from '../shared/hint.ts';
import { findCallerSession } from './caller-session.ts';
import { formatHintText } from './socket-line.ts';
import { isTerminal, print, printWarning, withProgress } from './terminal/terminal.ts';

/** The token is printed already, and its reader may wait for the end of the output. */
const warnedTimeoutMs = 1_000;

/** `null` prints nothing, for a health check: its output is kept. */
export type TokenFormat = (result: TokenResult) => string | null;

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
  const line = format(result);
  if (line !== null) print(line);
  if (!isQuiet) await printTokenWarning(result, request, processContext);
  return result;
}

/**
 * Without a terminal once an hour for a session, so that the mail of cron has it, and not if a hook reports it.
 * @param request of the token
 */
export async function printTokenWarning(
  { warning }: TokenResult,
  request: IamTokenOptions,
  processContext: ProcessContext,
): Promise<void> {
  if (warning === undefined) return;
  if (!isTerminal('stderr') && (await wasWarned(request, processContext))) return;
  const selection = { socketPath: request.socketPath, processContext };
  printWarning(warning.message, formatHintText(receivedHint(warning), selection));
}

/** The daemon remembers the sessions. It is asked separately, because the native client cannot print what it is told. */
async function wasWarned(request: IamTokenOptions, processContext: ProcessContext): Promise<boolean> {
  try {
    const shortRequest = { ...request, minTtlMs: undefined, timeoutMs: warnedTimeoutMs };
    const { warned } = await requestToken(
      shortRequest,
      processContext,
      findCallerSession(processContext.env),
    );
    return warned === true;
  } catch {
    return false; // The token has been printed: a warning too many is the smaller harm.
  }
}
