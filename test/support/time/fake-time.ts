/** Controls the global clocks and timers, for the tests of the only adapter that uses them. */
export interface FakeTime {
  /** Advances both clocks, and fires the timers that become due. */
  advance(byMs: number): void;
  /** Moves only the wall clock, as sleep or a correction does. */
  jump(byMs: number): void;
  /** The delays of the timers that were set since the last call. */
  takeDelaysMs(): readonly number[];
  /** The number of pending timers. */
  countTimers(): number;
}

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** Restores the globals even if `run` throws. */
export function withFakeTime(run: (time: FakeTime) => void): void {
  const originalGlobals = { setTimeout, clearTimeout, now: Date.now };
  const originalHrtime = process.hrtime.bigint.bind(process.hrtime);
  const timers = new Map<object, Timer>();
  let delays: number[] = [];
  let wallMs = Date.UTC(2026, 10, 24, 12);
  let monotonicMs = 5_000;

  function fireNextTimer(untilMs: number): boolean {
    const [next] = [...timers].toSorted(([, a], [, b]) => a.atMs - b.atMs);
    if (next === undefined || next[1].atMs > untilMs) return false;
    const [handle, { atMs, callback }] = next;
    const elapsedMs = Math.max(atMs - monotonicMs, 0);
    wallMs += elapsedMs;
    monotonicMs += elapsedMs;
    timers.delete(handle);
    callback();
    return true;
  }

  Object.assign(globalThis, {
    setTimeout: (callback: () => void, delayMs: number) => {
      const handle = { unref: () => undefined };
      timers.set(handle, { atMs: monotonicMs + delayMs, callback });
      delays.push(delayMs);
      return handle;
    },
    clearTimeout: (handle: object) => timers.delete(handle),
  });
  Date.now = () => wallMs;
  process.hrtime.bigint = () => BigInt(Math.round(monotonicMs * 1e6));
  try {
    run({
      advance: (byMs) => {
        const untilMs = monotonicMs + byMs;
        while (fireNextTimer(untilMs));
        wallMs += untilMs - monotonicMs;
        monotonicMs = untilMs;
      },
      jump: (byMs) => {
        wallMs += byMs;
      },
      takeDelaysMs: () => {
        const result = delays;
        delays = [];
        return result;
      },
      countTimers: () => timers.size,
    });
  } finally {
    Object.assign(globalThis, {
      setTimeout: originalGlobals.setTimeout,
      clearTimeout: originalGlobals.clearTimeout,
    });
    Date.now = originalGlobals.now;
    process.hrtime.bigint = originalHrtime;
  }
}
