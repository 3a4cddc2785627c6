import * as promises from 'node:fs/promises';
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import type { FileOperations } from '../../../src/files/file-system.ts';

export type FileCallName =
  | 'close'
  | 'link'
  | 'lstat'
  | 'mkdir'
  | 'open'
  | 'readFile'
  | 'rename'
  | 'rm'
  | 'stat'
  | 'sync'
  | 'writeFile';

/**
 * The real file system with a hook.
 * @param beforeCall runs before each call, and may wait or throw; gets the path of the call or of its file
 */
export function interceptFileCalls(
  beforeCall: (call: FileCallName, path: string) => void | Promise<void>,
): FileOperations {
  return {
    lstat: (async (path: string) => {
      await beforeCall('lstat', path);
      return promises.lstat(path);
    }) as FileOperations['lstat'],
    mkdir: (async (path: string, options: { recursive: true }) => {
      await beforeCall('mkdir', path);
      return promises.mkdir(path, options);
    }) as FileOperations['mkdir'],
    stat: (async (path: string) => {
      await beforeCall('stat', path);
      return promises.stat(path);
    }) as FileOperations['stat'],
    async link(from, to) {
      await beforeCall('link', String(from));
      return promises.link(from, to);
    },
    async rename(from, to) {
      await beforeCall('rename', String(from));
      return promises.rename(from, to);
    },
    async rm(path, options) {
      await beforeCall('rm', String(path));
      return promises.rm(path, options);
    },
    async open(path, flags, mode) {
      await beforeCall('open', String(path));
      const file = await promises.open(path, flags, mode);
      return new Proxy(file, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          return async (...args: unknown[]) => {
            // The system closes the files of a dead process.
            if (name === 'close') await Reflect.apply(value, target, args);
            await beforeCall(name as FileCallName, String(path));
            return name === 'close' ? undefined : (Reflect.apply(value, target, args) as unknown);
          };
        },
      });
    },
  };
}

/** An error as Node throws it for a failed system call. */
export function createFileError(name: keyof typeof constants.errno): NodeJS.ErrnoException {
  const errno = -constants.errno[name];
  const [code, reason] = getSystemErrorMap().get(errno) ?? [`Unknown system error ${errno}`, ''];
  return Object.assign(new Error(`${code}: ${reason}, write`), { code, errno, syscall: 'write' });
}
