import { closeSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { CLibrary } from '../../adapters/c-library.ts';
import {
  describeProcess,
  differingNamespaces,
  isProcOfOwnPidNamespace,
  type ProcessNamespaces,
  readNamespaces,
  readPidOfPidFd,
  readStat,
} from './process-namespaces.ts';

type PidFdLibrary = Pick<CLibrary, 'openPeerPidFd'>;

/** @returns the container that the process which connected is in; `null` if it is in none */
export type FindContainer = () => string | null;

/**
 * A peer is in a container if its mount, pid and user namespace are neither those of the session that started the daemon,
 * whose unit may sandbox it, nor the daemon's own.
 */
export class ContainerDetection {
  /** Of the session, and the daemon's own. */
  readonly #known: readonly ProcessNamespaces[];
  #hasPidFd: boolean | undefined;

  private constructor(known: readonly ProcessNamespaces[]) {
    this.#known = known;
  }

  /**
   * To be called at the start, while the process that started the daemon is alive.
   * @returns `null` if the namespaces of the session cannot be read
   */
  static create(platform: NodeJS.Platform): ContainerDetection | null {
    if (platform !== 'linux') return null;
    try {
      if (!isProcOfOwnPidNamespace()) return null;
      // A root that is no mount, as after chroot(2), is not distinguishable from another one.
      const known = [findSessionPid(), process.pid].map(readNamespaces).filter(({ mount }) => mount !== '');
      return known.length === 0 ? null : new ContainerDetection(known);
    } catch {
      return null; // The process is hidden (`hidepid`), or there is no /proc.
    }
  }

  /** @returns a function that reads /proc at its first call only, because a token does not need it */
  watch(socket: Socket, pid: number, cLibrary: PidFdLibrary): FindContainer {
    const startTime = this.#hasPidFds(socket, cLibrary) ? null : readStartTimeOrEmpty(pid);
    let container: string | null | undefined;
    return () => {
      if (container === undefined) container = this.#findContainer(socket, pid, startTime, cLibrary);
      return container;
    };
  }

  #hasPidFds(socket: Socket, cLibrary: PidFdLibrary): boolean {
    if (this.#hasPidFd === undefined) {
      const pidFd = cLibrary.openPeerPidFd(socket);
      if (typeof pidFd === 'number') closeSync(pidFd);
      if (pidFd !== null) this.#hasPidFd = pidFd !== 'unsupported';
    }
    return this.#hasPidFd ?? true;
  }

  #findContainer(
    socket: Socket,
    pid: number,
    startTime: string | null,
    cLibrary: PidFdLibrary,
  ): string | null {
    if (pid === 0) return 'a process in another pid namespace';
    const pidFd = startTime === null ? cLibrary.openPeerPidFd(socket) : null;
    try {
      const namespaces = readNamespaces(pid);
      const differences = this.#known.map((known) => differingNamespaces(namespaces, known));
      const isKnown = differences.some(({ length }) => length === 0);
      const description = isKnown ? null : describe(pid, differences[0] ?? []);
      // Another process may have got the pid: what was read then says nothing about the peer.
      const isPeer =
        typeof pidFd === 'number' ? readPidOfPidFd(pidFd) === pid : readStat(pid).startTime === startTime;
      return isPeer ? description : unknownProcess(pid);
    } catch {
      return unknownProcess(pid);
    } finally {
      if (typeof pidFd === 'number') closeSync(pidFd);
    }
  }
}

/**
 * The process that started the daemon: its parent, or the service manager if the daemon runs in a unit, where a script may
 * be its parent.
 */
function findSessionPid(): number {
  const unit = readUnit(process.pid);
  let pid = process.ppid;
  while (unit !== null && pid > 1 && readUnit(pid) === unit) pid = readStat(pid).parentPid;
  // The first process of a container has no visible parent.
  return pid === 0 ? process.pid : pid;
}

function readUnit(pid: number): string | null {
  const cgroup = readFileSync(`/proc/${pid}/cgroup`, 'latin1').trim();
  return cgroup.endsWith('.service') ? cgroup : null;
}

function readStartTimeOrEmpty(pid: number): string {
  try {
    return readStat(pid).startTime;
  } catch {
    return ''; // It has ended already.
  }
}

function describe(pid: number, differing: readonly string[]): string {
  const list = new Intl.ListFormat('en').format(differing);
  return `${describeProcess(pid)}; another ${list} namespace`;
}

function unknownProcess(pid: number): string {
  return `process ${pid}, which has ended or is hidden`;
}
