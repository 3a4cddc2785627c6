import { existsSync } from 'node:fs';
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  type DaemonRecord,
  readDaemonRecord,
  removeIfPossible,
  writeDaemonRecord,
} from '../../files/daemon-record.ts';
import { probeSocket } from '../../files/sockets/probe-socket.ts';
import type { SocketListener } from '../../files/sockets/socket-listener.ts';
import type { Alarm, Clock } from '../../shared/clock.ts';
import { errorReason } from '../../shared/error-utils.ts';
import { problemOf } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import type { InstanceLocks } from './instance-locks.ts';

/** Less than 30 s, the time that the documents state. */
const checkIntervalMs = 25_000;

export interface WatchedSocket {
  readonly path: string;
  readonly listener: SocketListener<Server>;
  /** Whether the service manager bound the path and passed the socket. */
  readonly isPassed: boolean;
  /** Makes `path` free. @throws IamTokenError, also if the daemon may not listen there itself */
  readonly prepareAgain: () => Promise<void>;
}

export interface SocketWatchOptions {
  readonly clock: Pick<Clock, 'now' | 'createAlarm'>;
  readonly log: Log;
  readonly locks: Pick<InstanceLocks, 'renew'>;
  readonly sockets: readonly WatchedSocket[];
  /** `daemon.json`. */
  readonly recordPath: string;
  readonly record: DaemonRecord;
}

/**
 * Keeps the daemon reachable: listens again where a path no longer leads to its socket, locks removed lock files again,
 * and keeps `daemon.json` in its folder.
 */
export class SocketWatch {
  readonly #options: SocketWatchOptions;
  readonly #alarm: Alarm;
  /** What was logged at the last check. */
  #problems: ReadonlySet<string> = new Set();
  #check: Promise<void> | null = null;
  #isStopped = false;

  constructor(options: SocketWatchOptions) {
    this.#options = options;
    this.#alarm = options.clock.createAlarm(() => void this.check());
  }

  /** Writes `daemon.json`. Call it when the listeners listen. */
  async listen(): Promise<void> {
    const passedSockets = this.#options.sockets.filter(({ isPassed }) => isPassed);
    for (const { listener, path } of passedSockets) {
      // A daemon that was killed may have left a socket of its own there.
      if ((await probeSocket(path)) === null) listener.adoptPath(path);
    }
    await this.check();
  }

  /** Removes `daemon.json`, if that is possible: it must not keep the daemon from stopping in order. */
  async close(): Promise<void> {
    this.#isStopped = true;
    this.#alarm.cancel();
    await this.#check;
    const { recordPath } = this.#options;
    if (this.#isRecordWritten()) removeIfPossible(recordPath);
  }

  /** Never throws. */
  check(): Promise<void> {
    this.#check ??= this.#runChecks().finally(() => {
      this.#check = null;
      if (!this.#isStopped) this.#alarm.set(this.#options.clock.now().monotonicMs + checkIntervalMs);
    });
    return this.#check;
  }

  async #runChecks(): Promise<void> {
    const { sockets, locks, log } = this.#options;
    const problems = new Set<string>();
    const attempt = async (action: () => unknown): Promise<void> => {
      try {
        await action();
      } catch (error) {
        problems.add(problemOf(error).message);
      }
    };
    for (const socket of sockets) await attempt(() => this.#listenAgainIfMoved(socket));
    for (const error of await locks.renew()) problems.add(problemOf(error).message);
    await attempt(() => this.#writeMissingRecord());
    for (const problem of problems) if (!this.#problems.has(problem)) log.write('warn', problem);
    this.#problems = problems;
  }

  async #listenAgainIfMoved({ path, listener, prepareAgain }: WatchedSocket): Promise<void> {
    if (listener.isAt(path) || this.#isStopped) return;
    await prepareAgain();
    await listener.listenAgain(path);
    this.#options.log.write('warn', `listening again on ${path}, which was removed or replaced`);
  }

  #writeMissingRecord(): void {
    const { recordPath, record } = this.#options;
    if (this.#isRecordWritten() || !existsSync(dirname(recordPath))) return;
    try {
      writeDaemonRecord(recordPath, record);
    } catch (cause) {
      throw new Error(`cannot write ${recordPath}: ${errorReason(cause)}`, { cause });
    }
  }

  #isRecordWritten(): boolean {
    return isDeepStrictEqual(readDaemonRecord(this.#options.recordPath)?.record, this.#options.record);
  }
}
