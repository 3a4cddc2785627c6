import { once } from 'node:events';
import type { FileLocking } from '../files/lock-file.ts';
import { IamTokenError } from '../shared/errors.ts';
import type { CLibrary } from './c-library.ts';

/** From BSD's <fcntl.h>: opens and locks a file in one step. Node does not export it. */
const O_EXLOCK = 0x20;

/**
 * On Linux flock(2), by koffi, or else by the program flock of util-linux or BusyBox; O_EXLOCK on other systems, not run
 * on macOS.
 * @param path the `PATH` to find the program in
 */
export function createFileLocking(
  platform: NodeJS.Platform,
  cLibrary: Pick<CLibrary, 'tryFlock'> | null,
  path: string | undefined,
): FileLocking {
  if (platform !== 'linux') return { openFlag: O_EXLOCK, tryLock: async () => 'locked' };
  if (cLibrary === null) return { openFlag: 0, tryLock: (fd) => lockByProgram(fd, path) };
  return { openFlag: 0, tryLock: async (fd) => cLibrary.tryFlock(fd) };
}

/** The lock belongs to the open file, which the program shares with this process; it stays when the program exits. */
async function lockByProgram(fd: number, path: string | undefined): ReturnType<FileLocking['tryLock']> {
  const env = { PATH: [path, '/usr/bin', '/bin'].filter(Boolean).join(':') };
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn('flock', ['-n', '3'], { env, stdio: ['ignore', 'ignore', 'pipe', fd] });
  let hasMessage = false;
  child.stderr?.on('data', () => (hasMessage = true));
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    if (code === 0) return 'locked';
    // Both programs exit with 1 and print nothing if the file is locked.
    return code === 1 && !hasMessage ? 'held' : 'unsupported';
  } catch (cause) {
    const message = 'cannot lock files: koffi does not load, and the program flock is not installed';
    const hint = 'install util-linux, or iam-tokend with its optional dependency koffi';
    throw new IamTokenError({ code: 'internal', message, hint }, { cause });
  }
}
