import { readdirSync, readFileSync } from 'node:fs';
import type { DaemonMetrics } from '../../protocol/method-types.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';

/** What this process uses. It starts no timer, unlike prom-client's own process metrics. */
export function readProcessUsage(): DaemonMetrics['process'] {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    ...omitUndefined(readDescriptors()),
  };
}

/** Linux only: proc_pid_fd(5), proc_pid_limits(5). */
function readDescriptors(): {
  readonly openDescriptors?: number | undefined;
  readonly maxDescriptors?: number | undefined;
} {
  if (process.platform !== 'linux') return {};
  try {
    const [, limit] = /^Max open files +(\d+) /m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return {
      openDescriptors: readdirSync('/proc/self/fd').length,
      maxDescriptors: limit === undefined ? undefined : Number(limit),
    };
  } catch {
    return {}; // Without /proc, as in some containers.
  }
}
