import type { Clock } from '../shared/clock.ts';

const timeoutMs = 2_000;

/**
 * Bounds the time of operations on files whose file system may not respond, such as of an NFS or FUSE server that is gone.
 * Such an operation cannot be cancelled, and takes one of the four threads of libuv's pool until it ends.
 */
export class FileDeadline {
  readonly #clock: Pick<Clock, 'timeoutSignal'>;
  readonly #pending = new Map<string, Promise<unknown>>();

  constructor(clock: Pick<Clock, 'timeoutSignal'>) {
    this.#clock = clock;
  }

  /**
   * Calls with the same key share one operation while it runs, so that it takes one thread only.
   * @param key names the operation and the file
   * @throws Error after 2 s; what `operation` throws
   */
  async run<T>(key: string, operation: () => Promise<T>): Promise<T> {
    const pending = (this.#pending.get(key) as Promise<T> | undefined) ?? this.#start(key, operation);
    const signal = this.#clock.timeoutSignal(timeoutMs);
    return Promise.race([pending, rejectOnAbort(signal)]);
  }

  #start<T>(key: string, operation: () => Promise<T>): Promise<T> {
    const pending = operation().finally(() => this.#pending.delete(key));
    this.#pending.set(key, pending);
    // After the deadline, nothing waits for it.
    pending.catch(() => undefined);
    return pending;
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const error = new Error(`no answer within ${timeoutMs / 1_000} s; a network file system may not respond`);
    signal.addEventListener('abort', () => reject(error), { once: true });
  });
}
