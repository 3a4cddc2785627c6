import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { shimMarker } from './program-candidates.ts';
import type { ProcessContext } from './paths.ts';

/** The context of this process. `node:os` is loaded on demand: it takes 0.2 ms, and the client rarely needs it. */
export function processContext(): ProcessContext {
  const uid = process.getuid?.() ?? null;
  return {
    platform: process.platform,
    env: process.env,
    home: () => {
      try {
        return process.getBuiltinModule('node:os').homedir();
      } catch {
        return ''; // HOME is not set, and the user database has no entry for the uid.
      }
    },
    uid,
    userName: () => process.getBuiltinModule('node:os').userInfo().username,
    isOwnFolder: (path) => {
      try {
        const stats = statSync(path, { throwIfNoEntry: false });
        return stats !== undefined && stats.isDirectory() && stats.uid === uid;
      } catch {
        // Not accessible, so not a folder of this user.
        return false;
      }
    },
  };
}

/** Whether `path` is a file that this process may execute. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Missing or not accessible.
    return false;
  }
}

/** Whether `path` is executable and not a shim, which would run `iam-token` again. */
export function isExternalProgram(path: string): boolean {
  return isExecutable(path) && !isShim(path);
}

const markerSearchBytes = 256;

/** Whether `path` is a program that `iam-token install` created. */
export function isShim(path: string): boolean {
  try {
    const file = openSync(path, 'r');
    try {
      const head = Buffer.alloc(markerSearchBytes);
      return head.toString('utf8', 0, readSync(file, head)).includes(shimMarker);
    } finally {
      closeSync(file);
    }
  } catch {
    return false; // `iam-token install` creates readable files only.
  }
}
