import type { ProfileMetrics } from '../../protocol/method-types.ts';
import { formatIsoTime } from '../../shared/clock.ts';
import type { ExchangeFailure } from '../../token/token-source.ts';

type ExchangeResult = 'success' | ExchangeFailure['kind'];

/** The exchanges of one profile by outcome. */
export class ExchangeCounts {
  /** Each is listed from the start: an alert compares a counter with its earlier value. */
  readonly #counts: Record<ExchangeResult, number> = {
    success: 0,
    transient: 0,
    terminal: 0,
    interaction_required: 0,
  };
  #lastSuccessMs: number | null = null;

  /** @param nowMs milliseconds since the epoch */
  add(result: ExchangeResult, nowMs: number): void {
    this.#counts[result] += 1;
    if (result === 'success') this.#lastSuccessMs = nowMs;
  }

  read(): ProfileMetrics {
    const lastSuccessAt = this.#lastSuccessMs === null ? null : formatIsoTime(this.#lastSuccessMs);
    return { exchanges: { ...this.#counts }, lastSuccessAt };
  }
}
