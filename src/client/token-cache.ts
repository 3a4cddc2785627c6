import type { TokenAnswer } from '../protocol/messages.ts';
import type { Instant } from '../shared/clock.ts';
import { orAborted } from '../shared/or-aborted.ts';
import { IamTokenError } from './iam-token-error.ts';

/** Gives out living tokens of one profile, and seldom asks the daemon for them. Its functions need no `this`. */
export interface IamTokenCache {
  /**
   * All who ask at once share one request.
   * @param signal ends this wait, and nobody else's
   * @throws IamTokenError; the reason of `signal` when that aborts
   */
  readonly get: (signal?: AbortSignal | null) => Promise<TokenAnswer>;
  /** The token alone, for what wants a function. */
  readonly getToken: () => Promise<string>;
  /** Somebody refused this token: it is not given out again without asking the daemon. */
  readonly drop: (token: string) => void;
}

/**
 * A token this near its end counts as expired, as the daemon has it: it must still be alive when it reaches the service
 * it is for.
 */
const expiryMarginMs = 60_000;

/**
 * A token is given out so long without asking again. The daemon answers in less than a millisecond, so more would save
 * nothing; and it alone knows of a `lock`, of another default profile, and of a clock that is wrong.
 */
const heldMs = 5_000;

/** Those that pass by themselves: a token in hand is as good as it was. */
const passing: ReadonlySet<IamTokenError['code']> = new Set(['unreachable', 'unavailable', 'too_busy']);

interface Held {
  readonly answer: TokenAnswer;
  readonly askedAt: Instant;
}

/**
 * @param ask the daemon
 * @param minTtlMs how long a token must live at least
 */
export function tokenCache(
  ask: () => Promise<TokenAnswer>,
  minTtlMs: number,
  now: () => Instant,
): IamTokenCache {
  let held: Held | undefined;
  let asking: Promise<TokenAnswer> | undefined;

  function isAlive({ answer }: Held): boolean {
    const lifeLeftMs = Date.parse(answer.expiresAt) - (answer.clockOffsetMs ?? 0) - now().wallMs;
    return lifeLeftMs > Math.max(expiryMarginMs, minTtlMs);
  }

  /** By both clocks: one stands still while the machine sleeps, the other can be set. */
  function isNew({ askedAt }: Held): boolean {
    const { wallMs, monotonicMs } = now();
    const wallAgeMs = wallMs - askedAt.wallMs;
    return wallAgeMs >= 0 && wallAgeMs < heldMs && monotonicMs - askedAt.monotonicMs < heldMs;
  }

  async function renew(): Promise<TokenAnswer> {
    const askedAt = now();
    try {
      const answer = await ask();
      held = { answer, askedAt };
      return answer;
    } catch (error) {
      if (held !== undefined && isAlive(held) && error instanceof IamTokenError && passing.has(error.code)) {
        return held.answer;
      }
      held = undefined;
      throw error;
    } finally {
      asking = undefined;
    }
  }

  async function get(signal?: AbortSignal | null): Promise<TokenAnswer> {
    signal?.throwIfAborted();
    if (held !== undefined && isNew(held) && isAlive(held)) return held.answer;
    asking ??= renew();
    return signal ? orAborted(asking, signal) : asking;
  }

  return {
    get,
    getToken: async () => (await get()).token,
    drop: (token) => {
      if (held?.answer.token === token) held = undefined;
    },
  };
}
