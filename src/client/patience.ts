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
  return later(endsAtMs - nowMs(), () => end(late(timeoutMs)), signal, end);
}

export function inWords(timeoutMs: number): string {
  return timeoutMs % 1_000 === 0 ? `${timeoutMs / 1_000} s` : `${timeoutMs} ms`;
}
