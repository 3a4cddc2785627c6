import { raceSignal } from '../shared/race-signal.ts';

/** Runs one piece of work at a time, first come, first served. */
export class Mutex {
  #tail: Promise<void> = Promise.resolve();

  /** @throws the signal's reason if it aborts before `work` has started; then `work` never runs */
  async runExclusive<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const previous = this.#tail;
    let release = (): void => {};
    const current = new Promise<void>((resolve) => (release = resolve));
    this.#tail = previous.then(() => current);
    try {
      await raceSignal(previous, signal);
      return await work();
    } finally {
      release();
    }
  }
}
