/**
 * Calls back after so many milliseconds, below 2 ** 31. The one timer of the client, which has no clock of the daemon's.
 * @returns takes it back
 */
export function later(delayMs: number, call: () => void): () => void {
  const timer = setTimeout(call, Math.max(delayMs, 0));
  return () => clearTimeout(timer);
}

/** Milliseconds on a clock that never jumps. */
export function nowMs(): number {
  return process.uptime() * 1_000;
}
