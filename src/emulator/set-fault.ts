import { readFaultSwitch } from './faults.ts';
import { json } from './reply.ts';
import type { Route } from './route.ts';

/** Not IAM's: `{"fault": …, "count": …}` switches a fault on, `{"fault": null}` off. */
export const setFault: Route = {
  method: 'PUT',
  path: '/emulator/fault',
  isSpared: true,
  isUnlogged: true,
  answer({ body }, { faults }) {
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch {
      return json({ error: 'the body is not valid JSON' }, 400);
    }
    const wanted = readFaultSwitch(value);
    if (!wanted.ok) return json({ error: wanted.message }, 400);
    faults.set(wanted.fault, wanted.count);
    return json({ fault: wanted.fault });
  },
};
