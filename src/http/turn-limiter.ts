/** Work that begins in one turn of the event loop. The rest waits: peers of the IPC socket must not wait for it. */
export class TurnLimiter {
  readonly #maxPerTurn: number;
  readonly #defer: (callback: () => void) => void;
  readonly #waiting: (() => void)[] = [];
  #startedCount = 0;

  constructor(maxPerTurn: number, defer: (callback: () => void) => void = setImmediate) {
    this.#maxPerTurn = maxPerTurn;
    this.#defer = defer;
  }

  /** Resolves when it is the turn of the caller; in the order of the calls. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#startedCount === 0) this.#defer(() => this.#beginTurn());
      this.#start();
    });
  }

  #beginTurn(): void {
    this.#startedCount = 0;
    this.#start();
    if (this.#startedCount > 0) this.#defer(() => this.#beginTurn());
  }

  #start(): void {
    while (this.#startedCount < this.#maxPerTurn) {
      const resolve = this.#waiting.shift();
      if (resolve === undefined) return;
      this.#startedCount += 1;
      resolve();
    }
  }
}
