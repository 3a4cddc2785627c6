import { readFileSync } from 'node:fs';

/** The resident memory of a process, in MB. proc_pid_status(5), VmRSS. */
export function readMemoryMb(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
}

/** @returns a result without a spread: memory is read once */
export function memoryResult(name, pid, baseMb = 0) {
  const median = readMemoryMb(pid) - baseMb;
  return { name, unit: 'MB', median };
}
