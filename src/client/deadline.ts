/** Time in the client, which runs in other programs and does not share the daemon's clock. */
import type { Instant } from '../shared/clock.ts';
import type { IamTokenError } from '../shared/errors.ts';

/**
 * The time limit of one caller, for the connection and all responses together. It has no AbortSignal of its own, because
 * the first one takes 0.5 ms in a new process.
 */
export interface Deadline {
  readonly timeoutMs: number;
  /** In milliseconds of `monotonicNowMs`. */
  readonly endsAtMs: number;
  /** The caller's own. */
  readonly signal: AbortSignal | undefined;
}

/** @param timeoutMs from now on, above 0 and below 2 ** 31 */
export function deadlineAfter(timeoutMs: number, signal?: AbortSignal): Deadline {
  return { timeoutMs, endsAtMs: monotonicNowMs() + timeoutMs, signal };
}

/**
 * The outcome of `promise` if it settles in time.
 * @throws what `createTimeoutError` returns, when the time is over; the reason of the deadline's signal when that aborts
 */
export async function beforeDeadline<T>(
  promise: Promise<T>,
  { timeoutMs, endsAtMs, signal }: Deadline,
  createTimeoutError: (timeout: string) => IamTokenError,
): Promise<T> {
  if (await settlesWithin(promise, endsAtMs - monotonicNowMs(), signal)) return promise;
  throw createTimeoutError(formatTimeout(timeoutMs));
}

/**
 * Whether `promise` settles within `delayMs`, which is below 2 ** 31. Resolves as soon as that is known.
 * @throws the reason of `signal` when that aborts first
 */
export function settlesWithin(
  promise: Promise<unknown>,
  delayMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = (): void => finish(() => reject(signal?.reason as Error));
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    const onSettled = (): void => finish(() => resolve(true));
    const timer = setTimeout(() => finish(() => resolve(false)), Math.max(delayMs, 0));
    signal?.addEventListener('abort', onAbort);
    promise.then(onSettled, onSettled);
  });
}

/** @throws the reason of `signal` when that aborts */
export async function sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  await settlesWithin(new Promise(() => {}), delayMs, signal);
}

function formatTimeout(timeoutMs: number): string {
  return timeoutMs % 1_000 === 0 ? `${timeoutMs / 1_000} s` : `${timeoutMs} ms`;
}

/** Milliseconds on a clock that never jumps. */
export function monotonicNowMs(): number {
  return process.uptime() * 1_000;
}

/** Both clocks of this process. */
export function now(): Instant {
  return { wallMs: Date.now(), monotonicMs: monotonicNowMs() };
}
