import { type Clock, sleep } from '../../../shared/clock.ts';
import type { Log } from '../../../shared/log.ts';

const stepTimeoutMs = 10_000;

/** A step of the start did not end, and a thread of this process may hang: `process.exit` would wait for it. */
export class StartTimeoutError extends Error {
  override readonly name = 'StartTimeoutError';
}

/** The steps of the start, each with a name and a deadline: a call to a file system that does not respond never ends. */
export class StartSteps {
  readonly #clock: Clock;
  #log: Log | null = null;
  readonly #finished: { readonly step: string; readonly tookMs: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws StartTimeoutError after 10 s; what `action` throws */
  async run<T>(step: string, action: () => Promise<T>): Promise<T> {
    const startedMs = this.#clock.now().monotonicMs;
    const result = await Promise.race([action(), this.#rejectLater(step)]);
    this.#finished.push({ step, tookMs: Math.round(this.#clock.now().monotonicMs - startedMs) });
    this.#writeFinished();
    return result;
  }

  /** Logs the steps before it was open, and those that follow. */
  useLog(log: Log): void {
    this.#log = log;
    this.#writeFinished();
  }

  async #rejectLater(step: string): Promise<never> {
    const message = `cannot ${step}: no answer within ${stepTimeoutMs / 1_000} s; a disk or a network file system may not respond`;
    await sleep(this.#clock, stepTimeoutMs);
    throw new StartTimeoutError(message);
  }

  #writeFinished(): void {
    if (this.#log === null) return;
    for (const { step, tookMs } of this.#finished.splice(0))
      this.#log.write('debug', `start: ${step}`, { tookMs });
  }
}
