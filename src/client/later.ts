import type { Instant } from '../shared/clock.ts';

/**
 * Calls back after so many milliseconds, below 2 ** 31. The one timer of the client, which has no clock of the daemon's.
 * @returns takes it back
 */
export function later(delayMs: number, call: () => void): () => void {
  const timer = setTimeout(call, Math.max(delayMs, 0));
  return () => clearTimeout(timer);
}

/**
 * Waits so many milliseconds.
 * @throws the reason of `signal` when that aborts
 */
export function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = (): void => {
      takeBack();
      reject(signal?.reason as Error);
    };
    const takeBack = later(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Milliseconds on a clock that never jumps. */
export function nowMs(): number {
  return process.uptime() * 1_000;
}

/** Both clocks of this process. */
export function now(): Instant {
  return { wallMs: Date.now(), monotonicMs: nowMs() };
}
