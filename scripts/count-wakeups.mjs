// What scripts/count-wakeups runs. A thread that waits and is woken has made one voluntary context switch more, says
// /proc (proc_pid_status(5)); those of all threads of the daemon and of the processes below it are counted.
import { readdirSync, readFileSync } from 'node:fs';
import { argv, stdout } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { oauthToken, startHouse } from '../dist/test/support/running-house.js';

const atMost = 4;
const minuteMs = 60_000;
/** What a login sets going has come to rest by then: its deadlines of two minutes have passed. */
const settleMs = 130_000;

if (argv[2] === undefined) {
  const house = await startHouse({ logLevel: 'info' });
  try {
    const pid = await house.startDaemon();
    await house.iamToken(['login', '--stdin'], oauthToken);
    await delay(settleMs);
    await report(pid);
  } finally {
    await house.stop();
  }
} else {
  await report(Number(argv[2]));
}

async function report(pid) {
  const before = switches(pid);
  await delay(minuteMs);
  const woken = [...switches(pid)]
    .map(([thread, count]) => [thread, count - (before.get(thread) ?? 0)])
    .filter(([, count]) => count > 0);
  const sum = woken.reduce((total, [, count]) => total + count, 0);
  const threads = woken.map(([thread, count]) => `${thread} ${count}`).join(', ');
  const isKept = sum <= atMost;
  stdout.write(
    `wake-ups in a minute: ${sum} (at most ${atMost}: ${isKept ? 'kept' : 'NOT KEPT'}; ${threads || 'none'})\n`,
  );
  if (!isKept) process.exitCode = 1;
}

/** Of every thread of the process and of its children, by process, thread and name. */
function switches(pid) {
  const counts = new Map();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    const name = /^Name:\t(.*)$/m.exec(status)?.[1];
    counts.set(`${name} ${pid}/${thread}`, Number(/^voluntary_ctxt_switches:\t(\d+)$/m.exec(status)?.[1]));
    const children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim();
    for (const child of children === '' ? [] : children.split(' ')) {
      for (const [key, count] of switches(child)) counts.set(key, count);
    }
  }
  return counts;
}
