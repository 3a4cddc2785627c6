import type { ProcessContext } from '../platform/paths.ts';
import * as methods from '../protocol/methods.ts';
import { IamTokenError } from '../shared/errors.ts';
import type { IamToken, IamTokenWatchOptions } from './api-types.ts';
import type { Connection } from './connection.ts';
import { deadlineAfter, settlesWithin, sleep } from './deadline.ts';
import { dial } from './dial.ts';
import { defaultTimeoutMs, profileParams, type ProfileParams } from './request-token.ts';

/** The daemon sends no event when another profile becomes the default. */
const recheckIntervalMs = 60_000;
/** Doubles with each failed attempt to connect. */
const minReconnectDelayMs = 100;
const maxReconnectDelayMs = 10_000;

type WatchParams = Pick<IamTokenWatchOptions, 'signal' | 'onProblem'> & {
  readonly params: ProfileParams;
  readonly timeoutMs: number;
};

/** @throws the reason of `signal` when that aborts */
export async function* watchToken(
  options: IamTokenWatchOptions,
  context: ProcessContext,
): AsyncGenerator<IamToken, never, undefined> {
  const { profile, socketPath, timeoutMs = defaultTimeoutMs, signal, onProblem } = options;
  const params = profileParams(profile, context.env);
  const watch: WatchParams = { params, timeoutMs, signal, onProblem };
  let lastToken: string | undefined;
  let reconnectDelayMs = minReconnectDelayMs;
  for (;;) {
    let connection: Connection | undefined;
    try {
      connection = await dial(socketPath, context, deadlineAfter(timeoutMs, signal));
      await connection.call(methods.subscribe, params, deadlineAfter(timeoutMs, signal));
      reconnectDelayMs = minReconnectDelayMs;
      for await (const result of tokensWhileOpen(connection, watch)) {
        if (result.token !== lastToken) yield result;
        lastToken = result.token;
      }
    } catch (error) {
      if (!(error instanceof IamTokenError)) throw error;
      onProblem?.(error);
    } finally {
      connection?.close();
    }
    await sleep(reconnectDelayMs, signal);
    reconnectDelayMs = Math.min(reconnectDelayMs * 2, maxReconnectDelayMs);
  }
}

/** The token now and after each event, until the connection closes. */
async function* tokensWhileOpen(
  connection: Connection,
  { params, timeoutMs, signal, onProblem }: WatchParams,
): AsyncGenerator<IamToken, void, undefined> {
  let isOpen = true;
  let wake = (): void => {};
  connection.onEvent(() => wake());
  void connection.closed.then(() => {
    isOpen = false;
    wake();
  });
  while (isOpen) {
    const change = new Promise<void>((resolve) => {
      wake = resolve;
    });
    try {
      yield await connection.call(methods.token, params, deadlineAfter(timeoutMs, signal));
    } catch (error) {
      if (!(error instanceof IamTokenError) || error.code === 'unreachable') throw error;
      onProblem?.(error);
    }
    await settlesWithin(change, recheckIntervalMs, signal);
  }
}
