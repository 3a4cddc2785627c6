import type { Clock } from '../shared/clock.ts';

/** V8 compiles what has run often in other threads, seconds later. */
const trimDelayMs = 10_000;

/**
 * A start and the first exchange leave up to 10 MB of free memory in the heaps of their threads, which the C library keeps.
 * @param trimMemory returns it to the system
 * @returns call it after such work: `trimMemory` is called 10 s after the last call
 */
export function scheduleMemoryTrimming(
  clock: Pick<Clock, 'now' | 'createAlarm'>,
  trimMemory: () => void,
): () => void {
  const alarm = clock.createAlarm(trimMemory);
  return () => alarm.set(clock.now().monotonicMs + trimDelayMs);
}
