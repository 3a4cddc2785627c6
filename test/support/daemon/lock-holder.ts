import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createFileLocking } from '../../../src/adapters/file-locking.ts';
import { loadCLibrary } from '../../../src/adapters/c-library.ts';
import { InstanceLocks } from '../../../src/daemon/instance/instance-locks.ts';
import { createDaemonRecord } from '../../../src/files/daemon-record.ts';

/** A process that holds a lock or a socket until it is killed. */
export interface Holder {
  readonly pid: number;
  /** `held`, or the name and message of its error. */
  readonly output: string;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

export const uid = process.getuid?.() ?? null;

/** The locks of this process. @param usesKoffi whether the lock is a system call, or the program flock */
export function createLocks(usesKoffi = true, platform = process.platform): InstanceLocks {
  const locking = createFileLocking(platform, usesKoffi ? loadCLibrary(platform) : null, process.env['PATH']);
  return new InstanceLocks({ platform, uid, locking, record: createDaemonRecord('/run/ipc.sock') });
}

/** @param script may use `locks`, `createServer` and `path` */
export async function startHolder(script: string, path: string, usesKoffi = true): Promise<Holder> {
  const program = `
    const { createLocks } = await import(process.argv[1]);
    const { createServer } = await import('node:net');
    const path = process.argv[2];
    const locks = createLocks(${usesKoffi});
    try {
      ${script}
      console.log('held');
    } catch (error) {
      console.log(error.name + ': ' + error.message);
    }
    setInterval(() => undefined, 1_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, import.meta.url, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const [output] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return {
    pid: child.pid ?? 0,
    output: output.trim(),
    async kill(signal = 'SIGKILL') {
      child.kill(signal);
      if (signal === 'SIGKILL') await closed;
    },
  };
}
