/** Small programs on a person's path, by which others call `iam-token` under the name that they expect. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ownProgramMark, programPlaces } from '../platform/find-program.ts';
import type { Surroundings } from '../platform/places.ts';
import { isExecutable, isOwnProgram } from '../platform/surroundings.ts';
import { shellWord } from '../shared/shell-word.ts';
import { printWarning } from './terminal.ts';
import { writeWhole } from './write-whole.ts';

export interface PathProgram {
  readonly name: string;
  readonly path: string;
  readonly text: string;
}

/** Each and the command that it stands for. */
const programs = { 'docker-credential-iam-token': 'docker-credential', yc: 'yc' } as const;

/** @param node by which they run */
export function pathPrograms({ home, platform }: Surroundings, node: string): readonly PathProgram[] {
  // Windows runs no script of a shell.
  if (platform === 'win32') return [];
  const words = [node, join(__dirname, 'iam-token.js')].map((word) => shellWord(word, platform)).join(' ');
  return Object.entries(programs).map(([name, command]) => ({
    name,
    path: join(home(), '.local/bin', name),
    text: `#!/bin/sh\n${ownProgramMark}\nexec ${words} ${command} "$@"\n`,
  }));
}

/** What somebody else has put there stays. */
export function writeProgram({ path, text }: PathProgram): void {
  if (existsSync(path) && !isOwnProgram(path)) {
    printWarning(`${path} is not ours, and stays as it is`, 'move it away, and install again');
    return;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeWhole(path, text, 0o755);
}

/** Where another program of that name is found first, ours is none. */
export function warnUnlessFirst(name: keyof typeof programs, surroundings: Surroundings): void {
  const first = programPlaces(name, surroundings).find(isExecutable);
  if (first !== undefined && isOwnProgram(first)) return;
  printWarning(
    first === undefined ? `${name} is not on your PATH yet` : `your PATH finds ${first} before ours`,
    'have this at the end of the file that your shell starts with: export PATH="$HOME/.local/bin:$PATH"',
  );
}
