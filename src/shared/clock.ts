/** One reading of both clocks, in milliseconds. */
export interface Instant {
  /** Since the Unix epoch, as the machine believes; can jump. */
  readonly wallMs: number;
  /** Since an arbitrary start; never jumps, and may stand still while the machine sleeps. */
  readonly monotonicMs: number;
}

/** A wake-up call that can be moved. */
export interface Alarm {
  /** Rings at `atMonotonicMs`, once; a new call replaces the last, `null` silences it. */
  set(atMonotonicMs: number | null): void;
  cancel(): void;
}

/** Time, as the rest of the house may use it; `src/adapters/system-clock.ts` alone reads a real one. */
export interface Clock {
  now(): Instant;
  /**
   * @param ring called when the alarm is due, and at once after wall and monotonic time were seen to part by
   *   two seconds or more (sleep, or a clock that was set): `jumpMs` is how far the wall went ahead of the other.
   */
  alarm(ring: (jumpMs: number) => void): Alarm;
  /** A signal that aborts after `delayMs` with a `TimeoutError`. */
  deadline(delayMs: number): AbortSignal;
  /** From 0 to below 1. */
  random(): number;
}

/** A moment as the wire has it: RFC 3339, UTC, milliseconds. */
export function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
