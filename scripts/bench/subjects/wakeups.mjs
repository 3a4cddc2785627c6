// How often an idle daemon wakes up; takes three minutes.
import { execFile } from 'node:child_process';
import { execPath } from 'node:process';

export const title = 'idle daemon';

export async function measure() {
  const output = await new Promise((resolve) => {
    // It exits with 1 if there are too many, which the table shows too.
    execFile(execPath, ['scripts/count-wakeups.mjs'], (_error, stdout) => resolve(stdout));
  });
  const count = Number(/^wake-ups in a minute: (\d+)/m.exec(output)?.[1]);
  if (!Number.isFinite(count)) throw new Error(`count-wakeups printed ${JSON.stringify(output)}`);
  return [{ name: 'wake-ups in a minute', unit: '', median: count, ratio: count, to: 'wake-ups', max: 4 }];
}
