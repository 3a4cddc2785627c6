import type { Instant } from '../shared/clock.ts';

/**
 * Calls `ring` after so many milliseconds, below 2 ** 31; or `aborted`, where `signal` aborts before, which it has not
 * yet. The one timer of the client, which has no clock of the daemon's.
 * @returns takes it back
 */
export function later(
  delayMs: number,
  ring: () => void,
  signal?: AbortSignal,
  aborted?: (reason: unknown) => void,
): () => void {
  const takeBack = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  };
  const onAbort = (): void => {
    takeBack();
    aborted?.(signal?.reason);
  };
  const onTime = (): void => {
    takeBack();
    ring();
  };
  const timer = setTimeout(onTime, Math.max(delayMs, 0));
  signal?.addEventListener('abort', onAbort);
  return takeBack;
}

/**
 * Waits so many milliseconds.
 * @throws the reason of `signal` when that aborts
 */
export function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    later(delayMs, resolve, signal, reject);
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
