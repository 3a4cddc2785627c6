import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCodeOf } from '../shared/thrown.ts';

/**
 * A log file for its owner alone. Once it is full it becomes NAME.1, that one NAME.2 and so on, and the last of
 * `filesAtMost` goes away.
 *
 * Each line is on its way to the disk when `write` returns, for the last lines before an end count most, and there
 * are few. winston's own File transport (3.19.0) was tried: under load its rotation throws `write after end`, and
 * after an error of the disk it keeps all further lines in memory and never ends.
 */
export class LogFile {
  readonly #path: string;
  readonly #fileAtMostBytes: number;
  readonly #filesAtMost: number;

  constructor(path: string, fileAtMostBytes: number, filesAtMost: number) {
    this.#path = path;
    this.#fileAtMostBytes = fileAtMostBytes;
    this.#filesAtMost = filesAtMost;
  }

  /** @throws the system's error; the next line is tried anew */
  write(line: string): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    let file = this.#open();
    try {
      const { size } = fstatSync(file);
      if (size > 0 && size + Buffer.byteLength(line) > this.#fileAtMostBytes) {
        closeSync(file);
        this.#putAside();
        file = this.#open();
      }
      writeSync(file, line);
    } finally {
      closeSync(file);
    }
  }

  #open(): number {
    return openSync(this.#path, 'a', 0o600);
  }

  #putAside(): void {
    for (let number = this.#filesAtMost - 1; number > 0; number--) {
      try {
        renameSync(number === 1 ? this.#path : `${this.#path}.${number - 1}`, `${this.#path}.${number}`);
      } catch (error) {
        // There are not so many yet.
        if (systemCodeOf(error) !== 'ENOENT') throw error;
      }
    }
  }
}
