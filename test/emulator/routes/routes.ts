import { errorMessage } from '../../../src/shared/error-utils.ts';
import { bearerRoutes } from './bearer-routes.ts';
import { parseFaultSettings } from '../faults.ts';
import { iamRoutes } from './iam-routes.ts';
import { keyRoutes } from './key-routes.ts';
import { jsonResponse } from '../route-response.ts';
import type { Route } from './route.ts';

/** Emulator only: `{"fault": …, "count": …}` switches a fault on, `{"fault": null}` off. */
const setFault: Route = {
  method: 'PUT',
  path: '/emulator/fault',
  isFaultExempt: true,
  isControlRoute: true,
  respond({ body }, service) {
    try {
      const { fault, count } = parseFaultSettings(JSON.parse(body));
      service.setFault(fault, count);
      return jsonResponse({ fault });
    } catch (error) {
      return jsonResponse({ error: errorMessage(error) }, 400);
    }
  },
};

/** Emulator only: the request log. */
const getRequestLog: Route = {
  method: 'GET',
  path: '/emulator/log',
  isFaultExempt: true,
  isControlRoute: true,
  respond: (_request, service) =>
    jsonResponse({ calls: service.listRequests(), counts: service.countRequestsByRoute() }),
};

/** All routes of the emulator. */
export const routes: readonly Route[] = [
  ...iamRoutes,
  ...keyRoutes,
  ...bearerRoutes,
  setFault,
  getRequestLog,
];
