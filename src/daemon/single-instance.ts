/**
 * One daemon for each configuration folder and each socket. The lock is the kernel's and goes with the process,
 * however it ends: there is no stale lock.
 */
import { randomBytes } from 'node:crypto';
import { constants, lstatSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

/** Another daemon is at work; its message says on what. */
export class AlreadyRunning extends Error {
  override readonly name = 'AlreadyRunning';
}

/** From BSD's <fcntl.h>: open and take the file's lock in one step. Node does not name it. */
const O_EXLOCK = 0x20;
const lockName = 'lock';
const dialTimeoutMs = 2_000;

/**
 * Held until the process ends.
 * @param folder ours, 0700; a file `lock` is made in it
 * @throws AlreadyRunning when another process holds it
 */
export async function lockFolder(folder: string, platform: NodeJS.Platform): Promise<void> {
  const path = join(folder, lockName);
  if (platform === 'linux') return lockByAbstractSocket(path);
  // On Windows the pipe's name is the lock: a second listener is refused.
  if (platform === 'win32') return;
  try {
    openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK, 0o600);
  } catch (cause) {
    if (codeOf(cause) !== 'EAGAIN') throw cause;
    throw new AlreadyRunning(`another iam-tokend is at work in ${folder}`, { cause });
  }
}

/**
 * The name of an abstract socket is open to everybody on the machine, so it is random, and kept where only we can
 * read it.
 */
async function lockByAbstractSocket(path: string): Promise<void> {
  const name = `\0iam-tokend-${nameIn(path)}`;
  const server = createServer((socket) => socket.destroy());
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const held = codeOf(cause) === 'EADDRINUSE';
      reject(held ? new AlreadyRunning(`another iam-tokend is at work (${path} is held)`, { cause }) : cause);
    });
    server.listen(name, resolve);
  });
}

function nameIn(path: string): string {
  try {
    writeFileSync(path, randomBytes(16).toString('hex'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  const name = readFileSync(path, 'utf8');
  if (!/^[0-9a-f]{32}$/.test(name)) throw new Error(`${path} is not a lock that we made; move it away`);
  return name;
}

/**
 * Removes a socket that nobody listens on any more. To be called under the lock of its folder.
 * @throws AlreadyRunning when somebody does, or when it does not answer: a timeout is not death
 */
export async function removeDeadSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} is there and is no socket; move it away`);
  const code = await dial(path);
  if (code === 'ENOENT') return;
  if (code !== 'ECONNREFUSED') throw new AlreadyRunning(`another program is listening on ${path}`);
  unlinkSync(path);
}

/** `null` when somebody answered; the error's code else. */
function dial(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.setTimeout(dialTimeoutMs, () => finish('ETIMEDOUT'));
    socket.once('connect', () => finish(null));
    socket.once('error', (error) => finish(codeOf(error) ?? 'unknown'));

    function finish(code: string | null): void {
      socket.destroy();
      resolve(code);
    }
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
