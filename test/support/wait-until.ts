import { setTimeout as delay } from 'node:timers/promises';

/** Polls until `condition` holds. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  description: string,
  timeoutMs = 60_000,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`timed out after ${timeoutMs} ms: ${description}`);
    await delay(5);
  }
}
