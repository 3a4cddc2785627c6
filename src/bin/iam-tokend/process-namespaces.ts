/**
 * Tells the namespaces of processes apart by files in /proc that every process may read; the links in /proc/PID/ns are
 * readable with the rights of a debugger only. Linux only.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { readProgramName } from '../../files/program-name.ts';
import { readFileHead } from '../../files/read-file-head.ts';
import { parseProcStat, type ProcStat } from '../../platform/proc-stat.ts';

/** Equal for two processes in the same mount, pid and user namespace. */
export interface ProcessNamespaces {
  /** The ids of the mounts at `/`: no two mounts of a machine have the same. proc_pid_mountinfo(5). */
  readonly mount: string;
  /** In how many nested pid namespaces the process has a pid, as seen from here. `NSpid` in proc_pid_status(5). */
  readonly pid: string;
  /** The mapping of uids, as seen from here. user_namespaces(7). */
  readonly user: string;
}

type NamespaceName = keyof ProcessNamespaces;

/** A process can fill its own mount namespace with 100,000 mounts; the root is among the first. */
const maxMountinfoBytes = 256 * 1024;

/** @throws the system's error, if there is no such process or it is hidden */
export function readNamespaces(pid: number): ProcessNamespaces {
  return {
    mount: findRootMountIds(readFileHead(`/proc/${pid}/mountinfo`, maxMountinfoBytes)),
    pid: /^NSpid:(.*)$/m.exec(readProcFile(pid, 'status'))?.[1]?.trim().split(/\s+/).length.toString() ?? '',
    user: readProcFile(pid, 'uid_map').replaceAll(/ +/g, ' '),
  };
}

export function differingNamespaces(
  one: ProcessNamespaces,
  other: ProcessNamespaces,
): readonly NamespaceName[] {
  return (['mount', 'pid', 'user'] as const).filter((name) => one[name] !== other[name]);
}

/** Whether the pids of this process are those of its /proc, which may belong to another pid namespace. */
export function isProcOfOwnPidNamespace(): boolean {
  return readlinkSync('/proc/self') === String(process.pid);
}

export function readStat(pid: number): ProcStat {
  return parseProcStat(readProcFile(pid, 'stat'));
}

/** The pid of the process that a pidfd refers to; -1 if it has ended, 0 if it is not visible here. */
export function readPidOfPidFd(fd: number): number {
  return Number(/^Pid:\s*(-?\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? -1);
}

/** For messages: the program, its pid, and the last part of its cgroup, which names a container or a unit. */
export function describeProcess(pid: number): string {
  const group = /[^/\n]+$/m.exec(readProcFile(pid, 'cgroup').trim().split(':').at(-1) ?? '')?.[0];
  const description = `${readProgramName(pid)}, process ${pid}${group === undefined ? '' : `, in ${group}`}`;
  return description.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200);
}

function readProcFile(pid: number, name: string): string {
  return readFileSync(`/proc/${pid}/${name}`, 'latin1');
}

function findRootMountIds(mountinfo: string): string {
  // mount id, parent id, device, root, mount point
  return [...mountinfo.matchAll(/^(\d+) \d+ \S+ \S+ \/ /gm)].map(([, id]) => id).join(' ');
}
