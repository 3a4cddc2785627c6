/** How the client waits, which has no clock of the daemon's. */
import type { Instant } from '../shared/clock.ts';
import type { IamTokenError } from './iam-token-error.ts';

/** How long one caller waits, for the connection and all answers together. */
export interface Patience {
  readonly timeoutMs: number;
  /** On a clock that never jumps. */
  readonly endsAtMs: number;
  readonly signal: AbortSignal | undefined;
}

/** @param timeoutMs from now on, above 0 and below 2 ** 31 */
export function patienceOf(timeoutMs: number, signal?: AbortSignal): Patience {
  return { timeoutMs, endsAtMs: nowMs() + timeoutMs, signal };
}

/**
 * Calls `end` once, when patience is over: with what `late` makes of it, or with the reason of the caller's own signal,
 * which has not aborted yet.
 * @returns stops watching
 */
export function whenOver(
  { timeoutMs, endsAtMs, signal }: Patience,
  late: (timeoutMs: number) => IamTokenError,
  end: (reason: unknown) => void,
): () => void {
  return later(endsAtMs - nowMs(), () => end(late(timeoutMs)), signal, end);
}

export function inWords(timeoutMs: number): string {
  return timeoutMs % 1_000 === 0 ? `${timeoutMs / 1_000} s` : `${timeoutMs} ms`;
}

/**
 * Calls `ring` after so many milliseconds, below 2 ** 31; or `aborted`, where `signal` aborts before, which it has not
 * yet. The one timer of the client.
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
