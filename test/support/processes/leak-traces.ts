/** The places where a leaked secret is visible. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readProcFile } from './process-table.ts';

/** Every readable file below a folder. */
export function listFilesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path).isFile());
}

/** Command line and environment of every other process. */
export function readProcessStrings(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => [readProcFile(Number(pid), 'cmdline'), readProcFile(Number(pid), 'environ')]);
}
