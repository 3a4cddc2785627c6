import { json } from './reply.ts';
import type { Route } from './route.ts';

/** Not IAM's: which calls came. */
export const getLog: Route = {
  method: 'GET',
  path: '/emulator/log',
  isSpared: true,
  isUnlogged: true,
  answer: (_call, { log }) => json({ calls: log.calls(), counts: log.counts() }),
};
