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
 * Calls `end` once, when patience is over: with what `late` makes of it, or with the reason of the caller's own signal.
 * @returns stops watching
 */
export function whenOver(
  { endsAtMs, signal }: Patience,
  late: () => IamTokenError,
  end: (reason: unknown) => void,
): () => void {
  const stop = (): void => {
    takeBack();
    signal?.removeEventListener('abort', onAbort);
  };
  const onAbort = (): void => {
    stop();
    end(signal?.reason);
  };
  const takeBack = later(endsAtMs - nowMs(), () => {
    stop();
    end(late());
  });
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  return stop;
}

export function inWords(timeoutMs: number): string {
  return timeoutMs % 1_000 === 0 ? `${timeoutMs / 1_000} s` : `${timeoutMs} ms`;
}
