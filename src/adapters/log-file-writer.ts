import { closeSync, existsSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from '../shared/error-utils.ts';

/** Not by the option `recursive`, which never returns below /proc: see `src/files/folders.ts`. */
function createFolders(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) createFolders(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another program may have created it.
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

/**
 * A log file with mode 0600. A full file becomes NAME.1, that one NAME.2 and so on; at most `maxFiles` are kept.
 *
 * A line is written when the call returns, because the last lines before a crash matter most. winston's File transport
 * (3.19.0) was tried: under load its rotation throws `write after end`, and after a disk error it keeps all further
 * lines in memory and never closes.
 * @returns a function that writes one line, and throws the system's error; the next call tries again
 */
export function createLogFileWriter(
  path: string,
  maxFileBytes: number,
  maxFiles: number,
): (line: string) => void {
  const open = (): number => openSync(path, 'a', 0o600);

  function rotate(): void {
    for (let fileNumber = maxFiles - 1; fileNumber > 0; fileNumber--) {
      try {
        renameSync(fileNumber === 1 ? path : `${path}.${fileNumber - 1}`, `${path}.${fileNumber}`);
      } catch (error) {
        // There are fewer files so far.
        if (errorCode(error) !== 'ENOENT') throw error;
      }
    }
  }

  return (line) => {
    createFolders(dirname(path));
    let fd: number | null = open();
    try {
      const { size } = fstatSync(fd);
      if (size > 0 && size + Buffer.byteLength(line) > maxFileBytes) {
        closeSync(fd);
        fd = null;
        rotate();
        fd = open();
      }
      writeSync(fd, line);
    } finally {
      if (fd !== null) closeSync(fd);
    }
  };
}
