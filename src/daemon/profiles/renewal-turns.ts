import type { Clock } from '../../shared/clock.ts';

/** 200 profiles take a minute. */
const intervalMs = 300;
const roundMs = 60_000;

/** Spreads the renewals of profiles that are due at once, after sleep and at a start, over a minute. */
export class RenewalTurns {
  readonly #clock: Pick<Clock, 'now'>;
  #roundStartMs = -Infinity;
  #turnCount = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** @returns how long the caller waits, in milliseconds; 0 for the first of a round */
  take(): number {
    const { monotonicMs } = this.#clock.now();
    if (monotonicMs - this.#roundStartMs >= roundMs) {
      this.#roundStartMs = monotonicMs;
      this.#turnCount = 0;
    }
    const turnMs = (this.#turnCount * intervalMs) % roundMs;
    this.#turnCount += 1;
    return Math.max(this.#roundStartMs + turnMs - monotonicMs, 0);
  }
}
