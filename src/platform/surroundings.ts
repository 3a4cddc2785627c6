/** The one place that asks the running process and the file system what `places.ts` needs to know. */
import { accessSync, closeSync, constants, lstatSync, openSync, readSync, statSync } from 'node:fs';
import { ownProgramMark } from './find-program.ts';
import type { Surroundings } from './places.ts';
import type { FileFacts } from './socket-folder.ts';

/**
 * Reads the environment now. `node:os` costs the thin client 0.2 ms, and on Linux no socket's path needs it: it is
 * loaded when asked for.
 */
export function surroundingsOfProcess(): Surroundings {
  const uid = process.getuid?.() ?? null;
  return {
    platform: process.platform,
    env: process.env,
    home: () => process.getBuiltinModule('node:os').homedir(),
    uid,
    userName: () => process.getBuiltinModule('node:os').userInfo().username,
    isOurs: (path) => {
      try {
        const found = statSync(path, { throwIfNoEntry: false });
        return found !== undefined && found.isDirectory() && found.uid === uid;
      } catch {
        // Not even to be looked at, so not ours.
        return false;
      }
    },
  };
}

/** For `checkSocketFolder`. */
export function lstat(path: string): FileFacts | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** Whether a file is there that this process may run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Whatever stands in the way, it cannot be run.
    return false;
  }
}

/** As `isExecutable`, and none of the programs that `install` puts on a person's path: those would run us again. */
export function isForeignProgram(path: string): boolean {
  return isExecutable(path) && !isOwnProgram(path);
}

const markWithinBytes = 256;

export function isOwnProgram(path: string): boolean {
  try {
    const file = openSync(path, 'r');
    try {
      const start = Buffer.alloc(markWithinBytes);
      return start.toString('utf8', 0, readSync(file, start)).includes(ownProgramMark);
    } finally {
      closeSync(file);
    }
  } catch {
    return false; // Nothing is there, or nothing that we could have made.
  }
}
