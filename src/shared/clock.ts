/** One reading of both clocks, in milliseconds. */
export interface Instant {
  /** Since the Unix epoch, by the machine's clock; can jump. */
  readonly wallMs: number;
  /** Since an arbitrary start; never jumps, and may stop while the machine sleeps. */
  readonly monotonicMs: number;
}

/** A timer that can be set again. */
export interface Alarm {
  /** Rings once at `atMonotonicMs`; a new call replaces the last, `null` cancels it. */
  set(atMonotonicMs: number | null): void;
  cancel(): void;
}

/** Time and randomness; only `src/adapters/system-clock.ts` reads the real ones. */
export interface Clock {
  now(): Instant;
  /**
   * @param onRing called when the alarm is due, and as soon as wall and monotonic time differ by two seconds or more
   *   (sleep, or a clock that was set): `jumpMs` is how far wall time moved ahead of monotonic time
   */
  createAlarm(onRing: (jumpMs: number) => void): Alarm;
  /** A signal that aborts after `delayMs` with a `TimeoutError`. */
  timeoutSignal(delayMs: number): AbortSignal;
  /** From 0 to below 1. */
  random(): number;
}

/** Resolves after `delayMs`. */
export function sleep(clock: Pick<Clock, 'timeoutSignal'>, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.timeoutSignal(delayMs).addEventListener('abort', () => resolve());
  });
}

/** A time in the wire's format: RFC 3339, UTC, milliseconds. */
export function formatIsoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

/** A time for the credential protocols of other programs, some of which read no fraction: RFC 3339, UTC, whole seconds. */
export function formatIsoSeconds(wallMs: number): string {
  return formatIsoTime(wallMs).replace(/\.\d+Z$/, 'Z');
}
