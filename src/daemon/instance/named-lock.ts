/** Locks by a name that one process can listen on: a pipe on Windows, an abstract socket of iam-tokend 0.1.0 on Linux. */
import { randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { type NamedPath, systemFiles } from '../../files/file-system.ts';
import { createFileIfMissing } from '../../files/write-file.ts';
import { errorCode } from '../../shared/error-utils.ts';
import { lockHeldError } from './already-running-error.ts';
import { readLockText } from '../../files/lock-text.ts';

/**
 * Windows: listens on a pipe until the process ends. A second listener fails, because Node opens the first with
 * FILE_FLAG_FIRST_PIPE_INSTANCE. Not tested on Windows. Any user can listen on a pipe, so its name is random and in a file
 * that only this user can read.
 * @throws AlreadyRunningError when another process holds it
 */
export async function acquirePipeLock(file: NamedPath): Promise<void> {
  const bytes = Buffer.from(randomBytes(16).toString('hex'));
  const fsContext = systemFiles(null);
  const name =
    (await readLockText(file, null)) ||
    (await createFileIfMissing(file, { bytes, mode: 0o600 }, fsContext).then(() => readLockText(file, null)));
  const server = createServer((socket) => socket.destroy());
  server.unref();
  await new Promise<void>((resolve, reject) => {
    // A later error, such as a lack of file descriptors, does not release the lock.
    server.on('error', (cause) =>
      reject(errorCode(cause) === 'EADDRINUSE' ? lockHeldError(file.path, null, cause) : cause),
    );
    server.listen(`\\\\.\\pipe\\iam-tokend-${name}`, resolve);
  });
}

/** The whole `sun_path`: Node 20 pads a shorter name with zeros, which count for the kernel, and Node 22 does not. */
const abstractSocketNameBytes = 108;

/** Whether a daemon of version 0.1.0, in the same network namespace, listens on the name in its lock file. */
export function isAbstractLockHeld(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(`\0iam-tokend-${name}`.padEnd(abstractSocketNameBytes, '.'));
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));

    function finish(isHeld: boolean): void {
      socket.destroy();
      resolve(isHeld);
    }
  });
}
