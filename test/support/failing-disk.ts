import * as promises from 'node:fs/promises';
import type { FileCalls } from '../../src/keychain/guarded-file.ts';

export type DiskCall =
  'close' | 'lstat' | 'mkdir' | 'open' | 'readFile' | 'rename' | 'rm' | 'stat' | 'sync' | 'writeFile';

/**
 * The real disk, where `before` is asked before each call and may wait or throw in its stead.
 * @param before gets the call, and the path of the file or folder that it is about
 */
export function watchedDisk(before: (call: DiskCall, path: string) => void | Promise<void>): FileCalls {
  return {
    lstat: (async (path: string) => {
      await before('lstat', path);
      return promises.lstat(path);
    }) as FileCalls['lstat'],
    mkdir: (async (path: string, options: { recursive: true }) => {
      await before('mkdir', path);
      return promises.mkdir(path, options);
    }) as FileCalls['mkdir'],
    async rename(from, to) {
      await before('rename', String(from));
      return promises.rename(from, to);
    },
    async rm(path, options) {
      await before('rm', String(path));
      return promises.rm(path, options);
    },
    async open(path, flags, mode) {
      await before('open', String(path));
      const file = await promises.open(path, flags, mode);
      return new Proxy(file, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          return async (...given: unknown[]) => {
            // A dead program's files are closed by the system.
            if (name === 'close') await Reflect.apply(value, target, given);
            await before(name as DiskCall, String(path));
            return name === 'close' ? undefined : (Reflect.apply(value, target, given) as unknown);
          };
        },
      });
    },
  };
}

/** As the system's errors are. */
export function diskError(code: string, message = 'as the test wants it'): Error {
  return Object.assign(new Error(`${code}: ${message}, write`), { code });
}
