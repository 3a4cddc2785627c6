import type { Alarm, Clock, Instant } from '../../src/shared/clock.ts';

/** As in `src/adapters/system-clock.ts`. */
export const longestTimerMs = 30_000;
const leastJumpMs = 2_000;

interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly happen: () => void;
}

/** The true time, the machine's clocks, and what is to happen when. */
export class SimulatedTime {
  trueMs: number;
  /** How far the wall clock is ahead of the true time. */
  wallErrorMs = 0;
  isAsleep = false;
  /** How long the machine has been awake. */
  awakeMs = 0;
  readonly #monotonicSleeps: boolean;
  #monotonicMs = 0;
  #order = 0;
  /** A heap: each happening is due before the two that hang on it. */
  readonly #heap: Happening[] = [];

  constructor(startMs: number, monotonicSleeps: boolean) {
    this.trueMs = startMs;
    this.#monotonicSleeps = monotonicSleeps;
  }

  get wallMs(): number {
    return this.trueMs + this.wallErrorMs;
  }

  get monotonicMs(): number {
    return this.#monotonicMs;
  }

  get monotonicSleeps(): boolean {
    return this.#monotonicSleeps;
  }

  /** True time of the next happening; `Infinity` without one. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Infinity;
  }

  advanceTo(trueMs: number): void {
    const passedMs = Math.max(trueMs - this.trueMs, 0);
    this.trueMs += passedMs;
    if (!this.isAsleep) this.awakeMs += passedMs;
    if (!this.isAsleep || !this.#monotonicSleeps) this.#monotonicMs += passedMs;
  }

  in(delayMs: number, happen: () => void): void {
    const heap = this.#heap;
    let at = heap.length;
    const added = { atMs: this.trueMs + Math.ceil(delayMs), order: this.#order++, happen };
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = heap[above];
      if (other === undefined || !isBefore(added, other)) break;
      heap[at] = other;
      at = above;
    }
    heap[at] = added;
  }

  /** Lets the next happening happen. */
  next(): void {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return;
    if (heap.length > 0) sink(heap, last);
    first.happen();
  }
}

function sink(heap: Happening[], sinking: Happening): void {
  let at = 0;
  for (;;) {
    const left = heap[2 * at + 1];
    const right = heap[2 * at + 2];
    if (left === undefined) break;
    const [below, belowAt] =
      right !== undefined && isBefore(right, left) ? [right, 2 * at + 2] : [left, 2 * at + 1];
    if (!isBefore(below, sinking)) break;
    heap[at] = below;
    at = belowAt;
  }
  heap[at] = sinking;
}

function isBefore(one: Happening, other: Happening): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}

interface Ring {
  atMonotonicMs: number | null;
  readonly ring: (jumpMs: number) => void;
}

/** The clock of one process: like the system's, it looks at least every 30 s whether wall and monotonic parted. */
export class SimulatedClock implements Clock {
  readonly random: () => number;
  readonly #time: SimulatedTime;
  readonly #startedAtMs: number;
  readonly #rings = new Set<Ring>();
  #unnoticedJumpMs = 0;
  #looksAtMonotonicMs = Infinity;

  constructor(time: SimulatedTime, random: () => number) {
    this.#time = time;
    this.#startedAtMs = time.monotonicMs;
    this.random = random;
  }

  now(): Instant {
    return { wallMs: this.#time.wallMs, monotonicMs: this.#time.monotonicMs - this.#startedAtMs };
  }

  alarm(ring: (jumpMs: number) => void): Alarm {
    const entry: Ring = { atMonotonicMs: null, ring };
    this.#rings.add(entry);
    return {
      set: (atMonotonicMs) => {
        entry.atMonotonicMs = atMonotonicMs;
      },
      cancel: () => {
        this.#rings.delete(entry);
      },
    };
  }

  deadline(delayMs: number): AbortSignal {
    const controller = new AbortController();
    const untilMs = this.now().monotonicMs + delayMs;
    const alarm = this.alarm(() => {
      if (this.now().monotonicMs < untilMs) return alarm.set(untilMs);
      alarm.cancel();
      controller.abort(new DOMException('the deadline', 'TimeoutError'));
    });
    alarm.set(untilMs);
    return controller.signal;
  }

  /** The wall clock left the monotonic one; some time within the next 30 s the timer finds out. */
  parted(jumpMs: number): void {
    this.#unnoticedJumpMs += jumpMs;
    const looks = this.now().monotonicMs + Math.floor(this.random() * longestTimerMs);
    this.#looksAtMonotonicMs = Math.min(this.#looksAtMonotonicMs, looks);
  }

  get hasUnnoticedJump(): boolean {
    return this.#unnoticedJumpMs !== 0;
  }

  /** True time of the next ring; while the machine sleeps there is none. */
  get nextRingMs(): number {
    if (this.#time.isAsleep) return Infinity;
    let next = this.#looksAtMonotonicMs;
    for (const { atMonotonicMs } of this.#rings) {
      if (atMonotonicMs !== null && atMonotonicMs < next) next = atMonotonicMs;
    }
    return this.#time.trueMs + Math.max(Math.ceil(next - this.now().monotonicMs), 0);
  }

  ring(): void {
    const jumpMs = Math.abs(this.#unnoticedJumpMs) >= leastJumpMs ? this.#unnoticedJumpMs : 0;
    this.#unnoticedJumpMs = 0;
    this.#looksAtMonotonicMs = Infinity;
    const { monotonicMs } = this.now();
    for (const entry of Array.from(this.#rings)) {
      const isDue = entry.atMonotonicMs !== null && entry.atMonotonicMs <= monotonicMs;
      if (isDue) entry.atMonotonicMs = null;
      if (isDue || jumpMs !== 0) entry.ring(jumpMs);
    }
  }
}
