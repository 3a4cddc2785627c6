import type { Alarm, Clock, Instant } from '../../src/shared/clock.ts';

/** As in `src/adapters/system-clock.ts`. */
export const maxTimerMs = 30_000;
const minJumpMs = 2_000;

interface ScheduledEvent {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** The true time, the machine's clocks and the queue of scheduled events. */
export class SimulatedTime {
  trueMs: number;
  /** How far the wall clock is ahead of the true time. */
  wallErrorMs = 0;
  isAsleep = false;
  /** Time that the machine was not asleep. */
  awakeMs = 0;
  readonly #monotonicStopsInSleep: boolean;
  #monotonicMs = 0;
  #order = 0;
  /** A binary heap, the next event first. */
  readonly #heap: ScheduledEvent[] = [];

  constructor(startMs: number, monotonicStopsInSleep: boolean) {
    this.trueMs = startMs;
    this.#monotonicStopsInSleep = monotonicStopsInSleep;
  }

  get wallMs(): number {
    return this.trueMs + this.wallErrorMs;
  }

  get monotonicMs(): number {
    return this.#monotonicMs;
  }

  get monotonicStopsInSleep(): boolean {
    return this.#monotonicStopsInSleep;
  }

  /** True time of the next event; `Infinity` without one. */
  get nextEventMs(): number {
    return this.#heap[0]?.atMs ?? Infinity;
  }

  advanceTo(trueMs: number): void {
    const elapsedMs = Math.max(trueMs - this.trueMs, 0);
    this.trueMs += elapsedMs;
    if (!this.isAsleep) this.awakeMs += elapsedMs;
    if (!this.isAsleep || !this.#monotonicStopsInSleep) this.#monotonicMs += elapsedMs;
  }

  schedule(delayMs: number, run: () => void): void {
    const heap = this.#heap;
    let index = heap.length;
    const event = { atMs: this.trueMs + Math.ceil(delayMs), order: this.#order++, run };
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || !isBefore(event, parent)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = event;
  }

  runNext(): void {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return;
    if (heap.length > 0) siftDown(heap, last);
    first.run();
  }
}

function siftDown(heap: ScheduledEvent[], event: ScheduledEvent): void {
  let index = 0;
  for (;;) {
    const left = heap[2 * index + 1];
    const right = heap[2 * index + 2];
    if (left === undefined) break;
    const [child, childIndex] =
      right !== undefined && isBefore(right, left) ? [right, 2 * index + 2] : [left, 2 * index + 1];
    if (!isBefore(child, event)) break;
    heap[index] = child;
    index = childIndex;
  }
  heap[index] = event;
}

function isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

interface AlarmEntry {
  atMonotonicMs: number | null;
  readonly fire: (jumpMs: number) => void;
}

/** The clock of one process. As the system clock, it compares wall and monotonic time at least every 30 s. */
export class SimulatedClock implements Clock {
  readonly random: () => number;
  readonly #time: SimulatedTime;
  readonly #startedAtMs: number;
  readonly #alarms = new Set<AlarmEntry>();
  #unnoticedJumpMs = 0;
  #nextCheckAtMonotonicMs = Infinity;

  constructor(time: SimulatedTime, random: () => number) {
    this.#time = time;
    this.#startedAtMs = time.monotonicMs;
    this.random = random;
  }

  now(): Instant {
    return { wallMs: this.#time.wallMs, monotonicMs: this.#time.monotonicMs - this.#startedAtMs };
  }

  createAlarm(fire: (jumpMs: number) => void): Alarm {
    const entry: AlarmEntry = { atMonotonicMs: null, fire };
    this.#alarms.add(entry);
    return {
      set: (atMonotonicMs) => {
        entry.atMonotonicMs = atMonotonicMs;
      },
      cancel: () => {
        this.#alarms.delete(entry);
      },
    };
  }

  timeoutSignal(delayMs: number): AbortSignal {
    const controller = new AbortController();
    const deadlineMs = this.now().monotonicMs + delayMs;
    const alarm = this.createAlarm(() => {
      if (this.now().monotonicMs < deadlineMs) return alarm.set(deadlineMs);
      alarm.cancel();
      controller.abort(new DOMException('timed out', 'TimeoutError'));
    });
    alarm.set(deadlineMs);
    return controller.signal;
  }

  /** The wall clock moved against the monotonic one, which a timer notices within 30 s. */
  recordJump(jumpMs: number): void {
    this.#unnoticedJumpMs += jumpMs;
    const checkAtMonotonicMs = this.now().monotonicMs + Math.floor(this.random() * maxTimerMs);
    this.#nextCheckAtMonotonicMs = Math.min(this.#nextCheckAtMonotonicMs, checkAtMonotonicMs);
  }

  get hasUnnoticedJump(): boolean {
    return this.#unnoticedJumpMs !== 0;
  }

  /** True time at which the next alarm fires; `Infinity` during sleep. */
  get nextAlarmMs(): number {
    if (this.#time.isAsleep) return Infinity;
    let next = this.#nextCheckAtMonotonicMs;
    for (const { atMonotonicMs } of this.#alarms) {
      if (atMonotonicMs !== null && atMonotonicMs < next) next = atMonotonicMs;
    }
    return this.#time.trueMs + Math.max(Math.ceil(next - this.now().monotonicMs), 0);
  }

  fire(): void {
    const jumpMs = Math.abs(this.#unnoticedJumpMs) >= minJumpMs ? this.#unnoticedJumpMs : 0;
    this.#unnoticedJumpMs = 0;
    this.#nextCheckAtMonotonicMs = Infinity;
    const { monotonicMs } = this.now();
    for (const entry of Array.from(this.#alarms)) {
      const isDue = entry.atMonotonicMs !== null && entry.atMonotonicMs <= monotonicMs;
      if (isDue) entry.atMonotonicMs = null;
      if (isDue || jumpMs !== 0) entry.fire(jumpMs);
    }
  }
}
