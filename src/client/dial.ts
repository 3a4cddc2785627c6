import { createConnection, type Socket } from 'node:net';
import { type FolderInput, openSocketFolder } from '../files/sockets/socket-folder.ts';
import { checkSocketPath, type ProcessContext, socketCandidates } from '../platform/paths.ts';
import { startCommand } from '../platform/service-manager.ts';
import { errorCode } from '../shared/error-utils.ts';
import { IamTokenError } from '../shared/errors.ts';
import { quotePosixWord } from '../shared/shell-quoting.ts';
import { authenticatePipe } from './authenticate-pipe.ts';
import { type Connection, openConnection, type Transport } from './connection.ts';
import { beforeDeadline, type Deadline, sleep } from './deadline.ts';

/** The kernel reports EAGAIN while its queue of connecting clients is full. */
const connectRetryMs = 20;

/**
 * Connects to the daemon: at `socketPath`, else at `IAM_TOKEND_SOCKET`, else at the first standard path where one
 * listens, else at the path in `daemon.json`.
 * @throws IamTokenError `unreachable`; `bad_request` for an invalid path; the reason of the deadline's signal when that
 *   aborts
 */
export async function dial(
  socketPath: string | undefined,
  context: ProcessContext,
  deadline: Deadline,
): Promise<Connection> {
  const { paths, isExplicit } = socketPaths(socketPath, context);
  try {
    return await dialFirst(paths, isExplicit, context, deadline);
  } catch (error) {
    if (!(error instanceof DaemonNotRunningError)) throw error;
    return await dialRecorded(error, isExplicit ? paths[0] : undefined, context, deadline);
  }
}

/**
 * Connects to the daemon that `daemon.json` names. An explicit path is not replaced by it.
 * @throws as `dial`; `notRunning` if no daemon runs
 */
export async function dialRecorded(
  notRunning: DaemonNotRunningError,
  explicitPath: string | undefined,
  context: ProcessContext,
  deadline: Deadline,
): Promise<Connection> {
  // A bundle of its own: only a failure loads it.
  const { explainNotRunning, explainSandbox, findDaemon } = await import('./find-daemon.ts');
  const sandboxProblem = explainSandbox(explicitPath, notRunning.message, context);
  if (sandboxProblem !== null) throw new IamTokenError(sandboxProblem);
  const daemon = findDaemon(explicitPath, context);
  if (daemon !== null && explicitPath === undefined) {
    try {
      return await dialFirst([daemon.socket], false, context, deadline);
    } catch (error) {
      if (!(error instanceof DaemonNotRunningError)) throw error;
    }
  }
  const problem = daemon?.problem ?? explainNotRunning(explicitPath, notRunning.message, context);
  throw problem === null ? notRunning : new IamTokenError(problem);
}

/**
 * The paths that `dial` tries, in order, and whether the user named them.
 * @throws IamTokenError `bad_request` if the standard paths cannot be determined
 */
export function socketPaths(
  socketPath: string | undefined,
  context: ProcessContext,
): { readonly paths: readonly [string, ...string[]]; readonly isExplicit: boolean } {
  const explicitPath = socketPath || context.env['IAM_TOKEND_SOCKET'];
  return explicitPath
    ? { paths: [explicitPath], isExplicit: true }
    : { paths: socketCandidates(context), isExplicit: false };
}

/**
 * Connects to the first of `paths` where a daemon listens, but does not go past an untrusted folder.
 * @throws as `dial`
 */
export async function dialFirst(
  paths: readonly string[],
  isExplicit: boolean,
  context: ProcessContext,
  deadline: Deadline,
): Promise<Connection> {
  const { platform, uid } = context;
  const failures: string[] = [];
  deadline.signal?.throwIfAborted();
  for (const path of paths) {
    const problem = checkSocketPath(path, platform);
    if (problem !== null) throw new IamTokenError(problem);
    const folderInput = { socketPath: path, isExplicit, uid };
    const { transport, isPrivate } = await connectInFolder(folderInput, platform, deadline).catch(
      (error: unknown) => explainFailure(error, path, context),
    );
    if (typeof transport !== 'string') {
      const connection = openConnection(transport, isPrivate);
      if (platform === 'win32') await authenticatePipe(connection, path, context, deadline);
      return connection;
    }
    failures.push(transport === 'missing' ? `no socket at ${path}` : `connection refused at ${path}`);
  }
  throw new DaemonNotRunningError({
    code: 'unreachable',
    message: `iam-tokend is not running (${failures.join(', ')})`,
    hint: isExplicit ? `iam-tokend --socket ${quotePosixWord(paths.join())} &` : startCommand(context),
  });
}

async function explainFailure(error: unknown, path: string, context: ProcessContext): Promise<never> {
  if (!(error instanceof IamTokenError)) throw error;
  const { explainDenial } = await import('./find-daemon.ts');
  const problem = explainDenial(path, errorCode(error.cause), context);
  throw problem === null ? error : new IamTokenError(problem, { cause: error });
}

/** No socket accepts connections: the daemon can be started. */
export class DaemonNotRunningError extends IamTokenError {}

/** @throws as `dial` */
async function connectInFolder(input: FolderInput, platform: NodeJS.Platform, deadline: Deadline) {
  const { check, address, close } = openSocketFolder(input, platform);
  try {
    if (check.kind === 'untrusted') throw new IamTokenError({ ...check, code: 'unreachable' });
    const isMissing = check.kind === 'missing';
    const transport = isMissing ? 'missing' : await connect(input.socketPath, address, deadline);
    return { transport, isPrivate: check.kind === 'private' };
  } finally {
    close();
  }
}

/**
 * @param path for messages
 * @param address leads to the same socket
 * @returns `missing` if there is no socket, `refused` if no process listens on it
 * @throws IamTokenError `unreachable`; the reason of the deadline's signal when that aborts
 */
async function connect(
  path: string,
  address: string,
  deadline: Deadline,
): Promise<Transport | 'missing' | 'refused'> {
  for (;;) {
    const transport = openTransport(address);
    const error = await connectionOutcome(path, transport.socket, deadline);
    if (error === null) return transport;
    if (error.code === 'ENOENT') return 'missing';
    if (error.code === 'ECONNREFUSED') return 'refused';
    if (error.code !== 'EAGAIN') throw connectErrorOf(path, address, error);
    await connectBeforeDeadline(path, deadline, sleep(connectRetryMs, deadline.signal));
  }
}

/** Reads into a buffer of its own (`onread`): reading as a stream takes 0.3 ms longer in a new process. */
function openTransport(path: string): Transport {
  const buffer = Buffer.allocUnsafe(16_384);
  let onChunk: (bytes: Uint8Array) => void = () => {};
  const callback = (length: number): true => {
    onChunk(buffer.subarray(0, length));
    return true;
  };
  const socket = createConnection({ path, onread: { buffer, callback } });
  return {
    socket,
    onData: (listener) => {
      onChunk = listener;
    },
  };
}

/** @returns `null` once connected, or the system's error */
async function connectionOutcome(
  path: string,
  socket: Socket,
  deadline: Deadline,
): Promise<NodeJS.ErrnoException | null> {
  const outcome = new Promise<NodeJS.ErrnoException | null>((resolve) => {
    socket.once('connect', () => resolve(null));
    socket.once('error', resolve);
  });
  try {
    return await connectBeforeDeadline(path, deadline, outcome);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function connectBeforeDeadline<T>(path: string, deadline: Deadline, promise: Promise<T>): Promise<T> {
  return beforeDeadline(promise, deadline, (timeout) =>
    unreachableError(path, `no answer within ${timeout}`),
  );
}

function connectErrorOf(path: string, address: string, error: NodeJS.ErrnoException): IamTokenError {
  if (error.code !== 'EACCES') return unreachableError(path, error.message.replace(address, path), error);
  return unreachableError(
    path,
    'permission denied',
    error,
    `see its owner and mode: ls -l ${quotePosixWord(path)}`,
  );
}

function unreachableError(path: string, reason: string, cause?: Error, hint?: string): IamTokenError {
  return new IamTokenError(
    { code: 'unreachable', message: `cannot connect to ${path}: ${reason}`, hint },
    { cause },
  );
}
