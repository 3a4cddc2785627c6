/** A keychain helper whose behaviour each call selects by its key. */
import type { NumberedRequest } from '../../../src/stores/keychain/helper-messages.ts';

let unlockCount = 0;
let runningCount = 0;
let maxConcurrentCount = 0;

process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('message', (request: NumberedRequest) => {
  const respond = (value: string | null): unknown => process.send?.({ id: request.id, ok: true, value });
  if (request.op === 'unlock') {
    unlockCount += 1;
    respond(null);
    return;
  }
  if (request.op === 'state') {
    respond(null);
    return;
  }
  const { key } = request;
  if (key === 'stuck') return;
  if (key === 'crash') process.exit(3);
  if (key === 'nonsense') process.send?.({ id: request.id, ok: 'yes' });
  if (key === 'restart') {
    const problem = { code: 'keychain_unavailable', message: `failed in ${process.pid}` };
    process.send?.({ id: request.id, ok: false, restartHelper: true, problem });
  }
  if (key === 'pid') respond(String(process.pid));
  if (key === 'unlocks') respond(String(unlockCount));
  if (key === 'environment') respond(JSON.stringify({ environment: process.env, flags: process.execArgv }));
  if (key === 'overlap') {
    runningCount += 1;
    maxConcurrentCount = Math.max(maxConcurrentCount, runningCount);
    setImmediate(() => {
      runningCount -= 1;
      respond(String(maxConcurrentCount));
    });
  }
});
