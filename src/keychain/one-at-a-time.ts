import { orAborted } from '../shared/or-aborted.ts';

/** Lets one piece of work run after the other, in the order in which they came. */
export class OneAtATime {
  #last: Promise<void> = Promise.resolve();

  /** @throws the signal's reason if it aborts before the turn of `work` has come, which then never begins */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const before = this.#last;
    let done = (): void => {};
    const mine = new Promise<void>((resolve) => (done = resolve));
    this.#last = before.then(() => mine);
    try {
      await orAborted(before, signal);
      return await work();
    } finally {
      done();
    }
  }
}
