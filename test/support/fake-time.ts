/** The globals that tell the time, under a test's hand: for the adapter that alone may read them. */
export interface FakeTime {
  /** Time goes by on both clocks, and timers go off as they fall due. */
  advance(byMs: number): void;
  /** The wall clock alone goes on by so much (or back): sleep, or somebody set it. */
  jump(byMs: number): void;
  /** The delays with which timers were set, since the last call. */
  delaysMs(): readonly number[];
  /** How many timers are set at this moment. */
  timers(): number;
}

interface Timer {
  readonly atMs: number;
  readonly call: () => void;
}

/** Puts the real ones back whatever `run` does. */
export function withFakeTime(run: (time: FakeTime) => void): void {
  const real = { setTimeout, clearTimeout, now: Date.now };
  const timers = new Map<object, Timer>();
  let delays: number[] = [];
  let wallMs = Date.UTC(2026, 10, 24, 12);
  let monotonicMs = 5_000;

  function goOffNext(untilMs: number): boolean {
    const [next] = [...timers].toSorted(([, a], [, b]) => a.atMs - b.atMs);
    if (next === undefined || next[1].atMs > untilMs) return false;
    const [handle, { atMs, call }] = next;
    const passedMs = Math.max(atMs - monotonicMs, 0);
    wallMs += passedMs;
    monotonicMs += passedMs;
    timers.delete(handle);
    call();
    return true;
  }

  Object.assign(globalThis, {
    setTimeout: (call: () => void, delayMs: number) => {
      const handle = { unref: () => undefined };
      timers.set(handle, { atMs: monotonicMs + delayMs, call });
      delays.push(delayMs);
      return handle;
    },
    clearTimeout: (handle: object) => timers.delete(handle),
  });
  Date.now = () => wallMs;
  Object.defineProperty(performance, 'now', { value: () => monotonicMs, configurable: true });
  try {
    run({
      advance: (byMs) => {
        const untilMs = monotonicMs + byMs;
        while (goOffNext(untilMs));
        wallMs += untilMs - monotonicMs;
        monotonicMs = untilMs;
      },
      jump: (byMs) => {
        wallMs += byMs;
      },
      delaysMs: () => {
        const seen = delays;
        delays = [];
        return seen;
      },
      timers: () => timers.size,
    });
  } finally {
    Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
    Date.now = real.now;
    Reflect.deleteProperty(performance, 'now');
  }
}
