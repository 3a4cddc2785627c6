import type { Config } from '../../../config/config.ts';
import type { InstanceLocks } from '../../../daemon/instance/instance-locks.ts';
import type { MemoryTrimming } from '../../../daemon/memory-trimming.ts';
import type { ProcessContext } from '../../../platform/paths.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Log } from '../../../shared/log.ts';
import type { SocketPaths } from '../arguments.ts';
import type { PeerGuard } from '../peer-guard.ts';

export interface ListenerParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly context: ProcessContext;
  readonly guard: PeerGuard;
  readonly config: Pick<Config, 'metadata' | 'metrics' | 'systemd'>;
  readonly socketPaths: SocketPaths;
  /** A listening socket that the service manager passed in place of the IPC socket's path; `null`: none. */
  readonly listenFd: number | null;
  /** Another one, for `credential.sock`. */
  readonly credentialFd: number | null;
  /** The path that the first was bound to; `null` if it is not known. */
  readonly passedPath: string | null;
  readonly locks: InstanceLocks;
  readonly memoryTrimming: Pick<MemoryTrimming, 'countWork'>;
  readonly isSystemWide: boolean;
  /** The folder of `daemon.json`. */
  readonly configFolder: string;
  /** The group of the IPC socket. */
  readonly group: number | undefined;
}
