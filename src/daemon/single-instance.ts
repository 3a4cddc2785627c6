/**
 * One daemon for each configuration folder and each socket. The lock is the kernel's and goes with the process,
 * however it ends: there is no stale lock.
 */
import { randomBytes } from 'node:crypto';
import {
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname } from 'node:path';
import { checkSocketFolder } from '../platform/socket-folder.ts';
import { lstat } from '../platform/surroundings.ts';
import { systemCodeOf } from '../shared/thrown.ts';

/** Another daemon is at work; its message says on what. */
export class AlreadyRunning extends Error {
  override readonly name = 'AlreadyRunning';
}

/** From BSD's <fcntl.h>: open and take the file's lock in one step. Node does not name it. */
const O_EXLOCK = 0x20;
const dialTimeoutMs = 2_000;

/**
 * Held until the process ends.
 * @param path names the lock; a file of this name is made in a folder that is ours, 0700
 * @throws AlreadyRunning when another process holds it
 */
export async function holdLock(path: string, platform: NodeJS.Platform): Promise<void> {
  if (platform === 'linux') return lockByName(path, (name) => `\0${name}`.padEnd(socketNameBytes, '.'));
  // A second listener is refused, as Node makes the first with FILE_FLAG_FIRST_PIPE_INSTANCE. Not run on Windows.
  if (platform === 'win32') return lockByName(path, (name) => `\\\\.\\pipe\\${name}`);
  try {
    openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK, 0o600);
  } catch (cause) {
    if (systemCodeOf(cause) !== 'EAGAIN') throw cause;
    throw alreadyHeld(path, cause);
  }
}

function alreadyHeld(path: string, cause: unknown): AlreadyRunning {
  return new AlreadyRunning(`another iam-tokend is at work (${path} is held)`, { cause });
}

/** `sun_path` whole: Node 20 fills a shorter name up with zeros, which the kernel counts, and Node 22 does not. */
const socketNameBytes = 108;

/**
 * The name of an abstract socket or a pipe is open to everybody on the machine, so it is random, and kept where only
 * we can read it.
 */
async function lockByName(path: string, socketOf: (name: string) => string): Promise<void> {
  const socket = socketOf(`iam-tokend-${nameIn(path)}`);
  const server = createServer((socket) => socket.destroy());
  server.unref();
  await new Promise<void>((resolve, reject) => {
    // Also for what goes wrong later, like a lack of descriptors: it takes nothing from the lock.
    server.on('error', (cause) =>
      reject(systemCodeOf(cause) === 'EADDRINUSE' ? alreadyHeld(path, cause) : cause),
    );
    server.listen(socket, resolve);
  });
}

/** Written elsewhere and then linked, so that nobody ever reads half of it, not even after the power failed. */
function nameIn(path: string): string {
  if (!existsSync(path)) {
    const name = randomBytes(16).toString('hex');
    const draft = `${path}.${name}`;
    try {
      writeFileSync(draft, name, { flag: 'wx', mode: 0o600, flush: true });
      linkSync(draft, path);
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }
  const name = readFileSync(path, 'utf8');
  if (!/^[0-9a-f]{32}$/.test(name)) throw new Error(`${path} is not a lock that we made; move it away`);
  return name;
}

/**
 * The socket's folder is private, the socket ours alone, and no dead one in its place.
 * @param isBeside another socket of ours in this folder, whose lock is enough for both
 * @throws Error naming what is wrong with it; AlreadyRunning
 */
export async function prepareSocket(
  socketPath: string,
  platform: NodeJS.Platform,
  uid: number | null,
  isBeside = false,
): Promise<void> {
  if (platform === 'win32') return;
  const folder = dirname(socketPath);
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const checked = checkSocketFolder({ socketPath, isNamed: false, uid, lstat });
  if (checked.kind === 'refused') throw new Error(`${checked.message}; ${checked.hint}`);
  if (!isBeside) await holdLock(`${socketPath}.lock`, platform);
  await removeDeadSocket(socketPath);
}

/**
 * The same for a socket that others may use too: its folder is root's, and nobody else can write to it.
 * @returns the folder's group, which is the socket's
 * @throws as `prepareSocket` does
 */
export async function prepareSharedSocket(
  socketPath: string,
  platform: NodeJS.Platform,
  uid: number | null,
): Promise<number> {
  const folder = dirname(socketPath);
  const { uid: owner, mode, gid } = statSync(folder, { throwIfNoEntry: false }) ?? {};
  if (uid !== 0 || owner !== 0 || gid === undefined || ((mode ?? 0) & 0o022) !== 0) {
    throw new Error(
      `where systemd passes no socket, ${folder} and the daemon must be root's; install -d -m 0750 -g iam-tokend ${folder}`,
    );
  }
  await holdLock(`${socketPath}.lock`, platform);
  await removeDeadSocket(socketPath);
  return gid;
}

/**
 * Removes a socket that nobody listens on any more. To be called under the lock of this socket.
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
    socket.once('error', (error) => finish(systemCodeOf(error) ?? 'unknown'));

    function finish(code: string | null): void {
      socket.destroy();
      resolve(code);
    }
  });
}
