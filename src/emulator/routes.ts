import { messageOf } from '../shared/thrown.ts';
import { bearerRoutes } from './bearer-routes.ts';
import { readFaultSwitch } from './faults.ts';
import { iamRoutes } from './iam-routes.ts';
import { json } from './reply.ts';
import type { Route } from './route.ts';

/** Not IAM's: `{"fault": …, "count": …}` switches a fault on, `{"fault": null}` off. */
const setFault: Route = {
  method: 'PUT',
  path: '/emulator/fault',
  isSpared: true,
  isUnlogged: true,
  answer({ body }, service) {
    try {
      const { fault, count } = readFaultSwitch(JSON.parse(body));
      service.setFault(fault, count);
      return json({ fault });
    } catch (thrown) {
      return json({ error: messageOf(thrown) }, 400);
    }
  },
};

/** Not IAM's: which calls came. */
const getLog: Route = {
  method: 'GET',
  path: '/emulator/log',
  isSpared: true,
  isUnlogged: true,
  answer: (_call, service) => json({ calls: service.calls(), counts: service.counts() }),
};

/** Every address of the emulator. */
export const routes: readonly Route[] = [...iamRoutes, ...bearerRoutes, setFault, getLog];
