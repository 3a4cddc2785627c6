import { readdirSync, readFileSync } from 'node:fs';

/** Ids of the running processes whose command line contains `text`; only children of `parent`, if given. */
export function findProcesses(text: string, parent?: number): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    const status = readProcFile(pid, 'stat');
    const [state, ppid] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    const isMatchingParent = parent === undefined || Number(ppid) === parent;
    return (
      isMatchingParent && state !== undefined && state !== 'Z' && readProcFile(pid, 'cmdline').includes(text)
    );
  });
}

/** A file of `/proc/PID`; empty if the process has exited. */
export function readProcFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}
