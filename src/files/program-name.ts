import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * For messages: the name of the program that a process runs. Linux.
 * @throws the system's error, if there is no such process or it is hidden
 */
export function readProgramName(pid: number): string {
  const name = readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
  // Node 24 and later call every process by the name of its main thread.
  if (!name.endsWith('MainThread')) return name;
  const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0', 1);
  return basename(program) || name;
}
