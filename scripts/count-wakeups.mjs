// Run by scripts/count-wakeups. Counts the voluntary context switches of all threads of the daemon and its child
// processes: each wake-up of a waiting thread is one (proc_pid_status(5)).
import { readdirSync, readFileSync } from 'node:fs';
import { argv, stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { oauthToken, startTestEnvironment } from '../dist/test/support/test-environment.js';

const maxWakeups = 4;
const minuteMs = 60_000;
/** The timers of a login, at most two minutes, have expired after this time. */
const settleMs = 130_000;

if (argv[2] === undefined) {
  const testEnv = await startTestEnvironment({ logLevel: 'info' });
  try {
    const pid = await testEnv.startDaemon();
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    await sleep(settleMs);
    await report(pid);
  } finally {
    await testEnv.stop();
  }
} else {
  await report(Number(argv[2]));
}

async function report(pid) {
  const countsBefore = countContextSwitches(pid);
  await sleep(minuteMs);
  const activeThreads = [...countContextSwitches(pid)]
    .map(([thread, count]) => [thread, count - (countsBefore.get(thread) ?? 0)])
    .filter(([, count]) => count > 0);
  const wakeups = activeThreads.reduce((sum, [, count]) => sum + count, 0);
  const threadList = activeThreads.map(([thread, count]) => `${thread} ${count}`).join(', ');
  const isWithinLimit = wakeups <= maxWakeups;
  const verdict = isWithinLimit ? 'ok' : 'EXCEEDED';
  stdout.write(
    `wake-ups in a minute: ${wakeups} (at most ${maxWakeups}: ${verdict}; threads: ${threadList || 'none'})\n`,
  );
  if (!isWithinLimit) process.exitCode = 1;
}

/** By `NAME PID/THREAD`, for each thread of the process and of its child processes. */
function countContextSwitches(pid) {
  const counts = new Map();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    const name = /^Name:\t(.*)$/m.exec(status)?.[1];
    counts.set(`${name} ${pid}/${thread}`, Number(/^voluntary_ctxt_switches:\t(\d+)$/m.exec(status)?.[1]));
    const children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim();
    for (const child of children === '' ? [] : children.split(' ')) {
      for (const [key, count] of countContextSwitches(child)) counts.set(key, count);
    }
  }
  return counts;
}
