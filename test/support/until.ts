import { setTimeout as delay } from 'node:timers/promises';

/** Looks again and again until `condition` holds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  withinMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`still not so after ${withinMs} ms: ${what}`);
    await delay(5);
  }
}
