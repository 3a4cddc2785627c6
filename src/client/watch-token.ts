import type { Surroundings } from '../platform/places.ts';
import type { TokenAnswer } from '../protocol/messages.ts';
import { subscribe } from '../protocol/methods.ts';
import { token } from '../protocol/token-method.ts';
import type { Connection } from './connection.ts';
import { dial } from './dial.ts';
import { IamTokenError } from './iam-token-error.ts';
import { later, patienceOf, pause } from './patience.ts';
import { defaultTimeoutMs, profileParams, type TokenRequest } from './request-token.ts';

export interface WatchRequest extends Pick<TokenRequest, 'profile' | 'socketPath' | 'timeoutMs' | 'signal'> {
  /** Told why there is no token now, or no daemon; the watch goes on. */
  readonly onProblem?: ((problem: IamTokenError) => void) | undefined;
}

/** Another default profile is no event: what is meant is looked up so often. */
const lookAnewMs = 60_000;
/** The first wait for a daemon that is not there; each further one is twice as long. */
const firstWaitMs = 100;
const longestWaitMs = 10_000;
const longestTimerMs = 2 ** 31 - 1;

/**
 * The token now, and each that takes its place.
 * @throws the reason of `signal` when that aborts
 */
export async function* watchToken(
  request: WatchRequest,
  surroundings: Surroundings,
): AsyncGenerator<TokenAnswer, never, undefined> {
  const { profile, socketPath, timeoutMs = defaultTimeoutMs, signal, onProblem } = request;
  const params = profileParams(profile, surroundings.env);
  let last: TokenAnswer | undefined;
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    let connection: Connection | undefined;
    try {
      connection = await dial(socketPath, surroundings, patienceOf(timeoutMs, signal));
      const ended = connection.untilEnded(patienceOf(longestTimerMs, signal)).then(
        () => false,
        () => false,
      );
      let wake = (): void => {};
      connection.onEvent(() => wake());
      await connection.ask(subscribe, params, patienceOf(timeoutMs, signal));
      waitMs = firstWaitMs;
      for (let isOpen = true; isOpen;) {
        const due = new Promise<boolean>((resolve) => {
          wake = () => resolve(true);
        });
        try {
          const answer = await connection.ask(token, params, patienceOf(timeoutMs, signal));
          if (answer.token !== last?.token) yield answer;
          last = answer;
        } catch (error) {
          if (!(error instanceof IamTokenError) || error.code === 'unreachable') throw error;
          onProblem?.(error);
        }
        const takeBack = later(lookAnewMs, wake);
        isOpen = await Promise.race([due, ended]);
        takeBack();
      }
    } catch (error) {
      if (!(error instanceof IamTokenError)) throw error;
      onProblem?.(error);
    } finally {
      connection?.close();
    }
    await pause(waitMs, signal);
  }
}
