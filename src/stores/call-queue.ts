import type { Clock } from '../shared/clock.ts';
import { raceSignal } from '../shared/race-signal.ts';
import { Mutex } from './mutex.ts';

export interface CallQueueParts {
  readonly clock: Pick<Clock, 'timeoutSignal'>;
  /** For a call that waited while the store did nothing but run another call. */
  readonly createBusyError: (cause: unknown) => Error;
  /** For a call that has started and passed its deadline. */
  readonly createTimeoutError: (cause: unknown) => Error;
}

export interface CallTimes {
  /** A call waits at most this long for the store to answer another call. */
  readonly stallTimeoutMs: number;
  /** Called when it is the turn of the call. */
  readonly startDeadline: () => AbortSignal;
}

/** A call that fails later than this may have failed because the store hangs. */
const slowFailureMs = 2_500;

/**
 * Runs the calls of a store one at a time, first come, first served. The queue does not count against a call: however
 * many calls are before it, it waits while the store answers them, and its deadline begins with its turn. If the store
 * hangs, the calls that wait fail too.
 */
export class CallQueue {
  readonly #parts: CallQueueParts;
  readonly #mutex = new Mutex();
  readonly #waiting = new Set<AbortController>();
  #answerCount = 0;
  /** Of the last call, if it was not answered. */
  #hangError: unknown = null;

  constructor(parts: CallQueueParts) {
    this.#parts = parts;
  }

  /**
   * @param work may go on after its deadline; the next call waits for it
   * @throws the errors of `parts`, and what `work` throws
   */
  run<T>(times: CallTimes, work: (deadline: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.#waiting.add(controller);
    this.#abortIfStalled(controller, times.stallTimeoutMs);
    return new Promise((resolve, reject) => {
      const runInTurn = async (): Promise<void> => {
        this.#waiting.delete(controller);
        const deadline = times.startDeadline();
        const toError = (error: unknown): unknown =>
          error === deadline.reason ? this.#parts.createTimeoutError(error) : error;
        if (deadline.aborted) throw toError(deadline.reason);
        const result = work(deadline).catch((error: unknown) => Promise.reject(toError(error)));
        raceSignal(result, deadline).then(resolve, (error: unknown) => reject(toError(error)));
        return this.#noteOutcome(result);
      };
      this.#mutex.runExclusive(runInTurn, controller.signal).catch(reject);
    });
  }

  #abortIfStalled(controller: AbortController, stallTimeoutMs: number): void {
    const answerCount = this.#answerCount;
    const timeout = this.#parts.clock.timeoutSignal(stallTimeoutMs);
    const onTimeout = (): void => {
      if (!this.#waiting.has(controller)) return;
      if (this.#answerCount > answerCount) return this.#abortIfStalled(controller, stallTimeoutMs);
      this.#abort(controller, this.#hangError ?? this.#parts.createBusyError(timeout.reason));
    };
    timeout.addEventListener('abort', onTimeout, { once: true });
  }

  async #noteOutcome(result: Promise<unknown>): Promise<void> {
    const slowness = this.#parts.clock.timeoutSignal(slowFailureMs);
    try {
      await result;
      this.#noteAnswer();
    } catch (error) {
      if (!slowness.aborted) return this.#noteAnswer();
      // One item may be stuck; a second one means that the store hangs.
      if (this.#hangError !== null) for (const controller of this.#waiting) this.#abort(controller, error);
      this.#hangError = error;
    }
  }

  #noteAnswer(): void {
    this.#answerCount += 1;
    this.#hangError = null;
  }

  #abort(controller: AbortController, error: unknown): void {
    this.#waiting.delete(controller);
    controller.abort(error);
  }
}
