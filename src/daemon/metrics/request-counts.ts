import type { DaemonMetrics } from '../../protocol/method-types.ts';

/** Responses by method and outcome. */
export class RequestCounts {
  readonly #counts = new Map<string, Map<string, number>>();

  /**
   * @param method `invalid` for a request without a known method
   * @param outcome `success` or the error code
   */
  add(method: string, outcome: string): void {
    let outcomes = this.#counts.get(method);
    if (outcomes === undefined) this.#counts.set(method, (outcomes = new Map()));
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }

  read(): DaemonMetrics['requests'] {
    return Object.fromEntries(
      [...this.#counts].map(([method, outcomes]) => [method, Object.fromEntries(outcomes)]),
    );
  }
}
