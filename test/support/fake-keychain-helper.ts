/**
 * A helper to fork that does on command what a real one does when something is broken; each `read` says by its key
 * what is to be done.
 */
import type { NumberedRequest } from '../../src/keychain/helper-messages.ts';

let unlocks = 0;
let underWay = 0;
let atOnce = 0;

process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('message', (request: NumberedRequest) => {
  const answer = (value: string | null): unknown => process.send?.({ id: request.id, ok: true, value });
  if (request.op === 'unlock') {
    unlocks += 1;
    answer(null);
    return;
  }
  const key = request.op === 'state' ? 'pid' : request.key;
  if (key === 'stuck') return;
  if (key === 'crash') process.exit(3);
  if (key === 'nonsense') process.send?.({ id: request.id, ok: 'yes' });
  if (key === 'spent') {
    const problem = { code: 'keychain_unavailable', message: `spent by ${process.pid}` };
    process.send?.({ id: request.id, ok: false, spent: true, problem });
  }
  if (key === 'pid') answer(String(process.pid));
  if (key === 'unlocks') answer(String(unlocks));
  if (key === 'environment') answer(JSON.stringify({ environment: process.env, flags: process.execArgv }));
  if (key === 'overlap') {
    underWay += 1;
    atOnce = Math.max(atOnce, underWay);
    setImmediate(() => {
      underWay -= 1;
      answer(String(atOnce));
    });
  }
});
