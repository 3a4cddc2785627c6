/** A daemon that has a token answers sooner. */
const promptMs = 1;

/**
 * Calls back after so many milliseconds, on a clock that never jumps. No timer is set before the first has passed: a
 * process's first one takes half of that, and the way to a token shall not pay for it.
 * @returns takes it back
 */
export function later(delayMs: number, call: () => void): () => void {
  const startMs = nowMs();
  let timer: NodeJS.Timeout | undefined;
  let turn = setImmediate(pass);
  function pass(): void {
    const passedMs = nowMs() - startMs;
    if (passedMs < promptMs) turn = setImmediate(pass);
    else timer = setTimeout(call, Math.max(delayMs - passedMs, 0));
  }
  return () => {
    clearImmediate(turn);
    if (timer !== undefined) clearTimeout(timer);
  };
}

export function nowMs(): number {
  return process.uptime() * 1_000;
}
