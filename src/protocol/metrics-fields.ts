/** The numbers that `status` returns with `metrics`, since the start of the daemon. */
import * as v from 'valibot';
import { number, timestamp } from './envelope.ts';

const counts = () => v.record(v.string(), number());

export const daemonMetrics = () =>
  v.object({
    /** Responses by method, then by `success` or the error code; `invalid`: a request without a known method. */
    requests: v.record(v.string(), counts()),
    /** Open connections to the IPC socket. */
    connections: number(),
    /** Requests that wait for their result. */
    waitingRequests: number(),
    /** Whether the metrics may name the account of each profile: `metrics.accountIds`. */
    accountIds: v.boolean(),
    process: v.object({
      cpuSeconds: number(),
      residentBytes: number(),
      heapUsedBytes: number(),
      /** Linux only. */
      openDescriptors: v.exactOptional(number()),
      maxDescriptors: v.exactOptional(number()),
    }),
  });

export const profileMetrics = () =>
  v.object({
    /** By outcome: `success`, or the kind of failure. */
    exchanges: counts(),
    lastSuccessAt: v.nullable(timestamp()),
  });
