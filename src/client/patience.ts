import type { IamTokenError } from './iam-token-error.ts';

/** How long one caller waits, for the connection and all answers together. */
export interface Patience {
  readonly timeoutMs: number;
  readonly deadline: AbortSignal;
  readonly signal: AbortSignal | undefined;
}

/** @param timeoutMs from now on, above 0 and below 2 ** 31 */
export function patienceOf(timeoutMs: number, signal?: AbortSignal): Patience {
  return { timeoutMs, deadline: AbortSignal.timeout(timeoutMs), signal };
}

/**
 * Calls `end` once, when patience is over: with what `late` makes of it, or with the reason of the caller's own signal.
 * @returns stops watching
 */
export function whenOver(
  { deadline, signal }: Patience,
  late: () => IamTokenError,
  end: (reason: unknown) => void,
): () => void {
  const onLate = (): void => end(late());
  const onAbort = (): void => end(signal?.reason);
  if (signal?.aborted === true) onAbort();
  else if (deadline.aborted) onLate();
  deadline.addEventListener('abort', onLate, { once: true });
  signal?.addEventListener('abort', onAbort, { once: true });
  return () => {
    deadline.removeEventListener('abort', onLate);
    signal?.removeEventListener('abort', onAbort);
  };
}

export function inWords(timeoutMs: number): string {
  return timeoutMs % 1_000 === 0 ? `${timeoutMs / 1_000} s` : `${timeoutMs} ms`;
}
