/** Where a secret that leaked would show. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { procFile } from './processes.ts';

/** Every readable file below a folder. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path).isFile());
}

/** Command line and environment of every process that is not this one. */
export function shownByProcesses(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => [procFile(Number(pid), 'cmdline'), procFile(Number(pid), 'environ')]);
}
