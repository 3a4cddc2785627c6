import type { IamTokenError } from './iam-token-error.ts';
import { later, nowMs } from './later.ts';

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
  const onAbort = (): void => {
    takeBack();
    end(signal?.reason);
  };
  const takeBack = later(endsAtMs - nowMs(), () => {
    signal?.removeEventListener('abort', onAbort);
    end(late(timeoutMs));
  });
  if (signal === undefined) return takeBack;
  signal.addEventListener('abort', onAbort, { once: true });
  return () => {
    takeBack();
    signal.removeEventListener('abort', onAbort);
  };
}

export function inWords(timeoutMs: number): string {
  return timeoutMs % 1_000 === 0 ? `${timeoutMs / 1_000} s` : `${timeoutMs} ms`;
}
