import type { Alarm, Clock } from '../shared/clock.ts';

/** V8 compiles what has run often in other threads, seconds later. */
const trimDelayMs = 10_000;
/** More work than this within the delay: memory is in use, and a collection would delay requests. */
const maxQuietWork = 100;
/** As much garbage as this is collected; 8 MB are an eighth of the memory of an idle daemon. */
const minGrowthBytes = 8 * 1024 * 1024;
/** After this much work, there may be garbage that was in use at the last collection. */
const minWork = 500;

export interface TrimmableMemory {
  /** Resident memory of this process. */
  readonly readBytes: () => number;
  /** Collects garbage, and returns free memory to the system. Never rejects. */
  readonly release: () => Promise<void>;
}

/**
 * Returns memory to the system in the first 10 quiet seconds after work. V8 collects garbage only while it allocates, so an idle
 * process would keep that of a flood for ever; the C library keeps what is free in the heaps of V8's threads.
 */
export class MemoryTrimming {
  readonly #clock: Pick<Clock, 'now' | 'createAlarm'>;
  readonly #memory: TrimmableMemory;
  readonly #alarm: Alarm;
  #isAlarmSet = false;
  /** Since the alarm was set. */
  #recentWork = 0;
  /** Since memory was released. */
  #work = 0;
  #isDue = false;
  #releasedBytes = 0;

  constructor(clock: Pick<Clock, 'now' | 'createAlarm'>, memory: TrimmableMemory) {
    this.#clock = clock;
    this.#memory = memory;
    this.#alarm = clock.createAlarm(() => {
      // Rings early if the clock jumps.
      if (this.#isAlarmSet) void this.#trimIfQuiet();
    });
  }

  /** Call it after a start or a request to IAM, which leave up to 10 MB of free memory. */
  request(): void {
    this.#isDue = true;
    this.#setAlarm();
  }

  /** Call it for each request at the IPC socket, and for each connection that ends. */
  readonly countWork = (): void => {
    this.#work += 1;
    this.#recentWork += 1;
    if (!this.#isAlarmSet) this.#setAlarm();
  };

  #setAlarm(): void {
    this.#isAlarmSet = true;
    this.#recentWork = 0;
    this.#alarm.set(this.#clock.now().monotonicMs + trimDelayMs);
  }

  async #trimIfQuiet(): Promise<void> {
    if (this.#recentWork > maxQuietWork) return this.#setAlarm();
    this.#isAlarmSet = false;
    const { readBytes, release } = this.#memory;
    const isGrown = readBytes() > this.#releasedBytes + minGrowthBytes;
    if (!isGrown && !this.#isDue && this.#work < minWork) return;
    this.#isDue = false;
    this.#work = 0;
    await release();
    this.#releasedBytes = readBytes();
  }
}
