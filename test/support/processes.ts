import { readdirSync, readFileSync } from 'node:fs';

/** Ids of the living processes whose command line contains `text`, children of `parent` only where it is given. */
export function processesWith(text: string, parent?: number): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    const status = procFile(pid, 'stat');
    const [state, ppid] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    const ours = parent === undefined || Number(ppid) === parent;
    return ours && state !== undefined && state !== 'Z' && procFile(pid, 'cmdline').includes(text);
  });
}

/** A file of `/proc/PID`; empty when the process is gone. */
export function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return ''; // it ended meanwhile
  }
}
