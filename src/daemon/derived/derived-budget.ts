import type { Clock } from '../../shared/clock.ts';
import { type Problem } from '../../shared/errors.ts';
import { type Attempt, budgetWaitMs, filterLastHour, otherUserWaitMs } from '../../token/budget.ts';
import type { TokenSource } from '../../token/token-source.ts';
import type { Profile } from '../profiles/profile.ts';

/** The user whose requests cause an exchange; `null`: root and the daemon's own user, which only the profile limits. */
export type LimitedUser = string | null;

/**
 * The limit on exchanges for impersonated accounts and AWS keys. They count in the budget of their profile, as caused by
 * requests, and in that of the user who requested the account or the keys first, renewals included.
 */
export class DerivedBudget {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #attemptsByUser = new Map<string, readonly Attempt[]>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Why no exchange may start now; `null` if one may. */
  findProblem(base: Profile, user: LimitedUser): Problem | null {
    const { monotonicMs } = this.#clock.now();
    const waitMs = Math.max(
      budgetWaitMs(base.state.attempts, 'request', monotonicMs),
      user === null ? 0 : otherUserWaitMs(this.#listAttempts(user, monotonicMs), monotonicMs),
    );
    if (waitMs <= 0) return null;
    return {
      code: 'unavailable',
      message: 'the hourly limit of exchanges for impersonated accounts and access keys is reached',
      retryAfterMs: Math.ceil(waitMs),
    };
  }

  /** Lets an exchange fail without a call of IAM while none may start. */
  limit<Value>(source: TokenSource<Value>, base: Profile, user: LimitedUser): TokenSource<Value> {
    return {
      ...source,
      exchange: async (signal, interactive) => {
        const problem = this.findProblem(base, user);
        if (problem !== null) return { ok: false, failure: { kind: 'transient', ...problem } };
        this.#count(base, user);
        return source.exchange(signal, interactive);
      },
    };
  }

  #count(base: Profile, user: LimitedUser): void {
    base.countDerivedExchange();
    if (user === null) return;
    const { monotonicMs } = this.#clock.now();
    const attempt: Attempt = { atMonotonicMs: monotonicMs, trigger: 'request', isSuccess: false };
    this.#attemptsByUser.set(user, [...this.#listAttempts(user, monotonicMs), attempt]);
    for (const [other, attempts] of this.#attemptsByUser)
      if (filterLastHour(attempts, monotonicMs).length === 0) this.#attemptsByUser.delete(other);
  }

  #listAttempts(user: string, monotonicMs: number): readonly Attempt[] {
    return filterLastHour(this.#attemptsByUser.get(user) ?? [], monotonicMs);
  }
}
