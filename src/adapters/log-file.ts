import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCodeOf } from '../shared/thrown.ts';

/**
 * A log file for its owner alone. Once it is full it becomes NAME.1, that one NAME.2 and so on, and the last of
 * `filesAtMost` goes away.
 *
 * Each line is on its way to the disk when the call returns, for the last lines before an end count most, and there
 * are few. winston's own File transport (3.19.0) was tried: under load its rotation throws `write after end`, and
 * after an error of the disk it keeps all further lines in memory and never ends.
 * @returns writes one line; throws the system's error, and the next line is tried anew
 */
export function logFile(path: string, fileAtMostBytes: number, filesAtMost: number): (line: string) => void {
  const open = (): number => openSync(path, 'a', 0o600);

  function putAside(): void {
    for (let number = filesAtMost - 1; number > 0; number--) {
      try {
        renameSync(number === 1 ? path : `${path}.${number - 1}`, `${path}.${number}`);
      } catch (error) {
        // There are not so many yet.
        if (systemCodeOf(error) !== 'ENOENT') throw error;
      }
    }
  }

  return (line) => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    let file = open();
    try {
      const { size } = fstatSync(file);
      if (size > 0 && size + Buffer.byteLength(line) > fileAtMostBytes) {
        closeSync(file);
        putAside();
        file = open();
      }
      writeSync(file, line);
    } finally {
      closeSync(file);
    }
  };
}
