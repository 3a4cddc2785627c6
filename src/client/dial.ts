import { socketCandidates, socketPathProblem, type Surroundings } from '../platform/places.ts';
import { startCommand } from '../platform/service-manager.ts';
import { checkSocketFolder } from '../platform/socket-folder.ts';
import { lstat } from '../platform/surroundings.ts';
import { problemOf } from '../shared/errors.ts';
import { type Connection, connectionOver, openWire, type Wire } from './connection.ts';
import { proveEachOther } from './hello.ts';
import { type AboutError, IamTokenError } from './iam-token-error.ts';
import { inWords, later, type Patience, whenOver } from './patience.ts';

/**
 * Connects to the daemon: at `socketPath`, else at `IAM_TOKEND_SOCKET`, else at the first place where one listens.
 * @throws IamTokenError `unreachable`, or `bad_request` for a path that no socket can have; the reason of the
 *   caller's signal when that aborts
 */
export async function dial(
  socketPath: string | undefined,
  surroundings: Surroundings,
  patience: Patience,
): Promise<Connection> {
  const { paths, isNamed } = socketPaths(socketPath, surroundings);
  return dialFirst(paths, isNamed, surroundings, patience);
}

/**
 * Where `dial` looks, in its order, and whether a person named the place.
 * @throws IamTokenError `bad_request` where there can be no such place
 */
export function socketPaths(
  socketPath: string | undefined,
  surroundings: Surroundings,
): { readonly paths: readonly [string, ...string[]]; readonly isNamed: boolean } {
  const named = socketPath || surroundings.env['IAM_TOKEND_SOCKET'];
  return named ? { paths: [named], isNamed: true } : { paths: candidates(surroundings), isNamed: false };
}

/** Connects to the first of `paths` where somebody listens. What cannot be trusted on the way there ends it. */
export async function dialFirst(
  paths: readonly string[],
  isNamed: boolean,
  surroundings: Surroundings,
  patience: Patience,
): Promise<Connection> {
  const { platform, uid } = surroundings;
  patience.signal?.throwIfAborted();
  for (const path of paths) {
    const problem = socketPathProblem(path, platform);
    if (problem !== null) throw new IamTokenError(problem.code, problem.message, problem);
    const folder = checkSocketFolder({ socketPath: path, isNamed, uid, lstat });
    if (folder.kind === 'refused') throw new IamTokenError('unreachable', folder.message, folder);
    const wire = folder.kind === 'missing' ? null : await connect(path, patience);
    if (wire === null) continue;
    const connection = connectionOver(wire, folder.kind === 'private');
    if (platform === 'win32') await proveEachOther(connection, path, surroundings, patience);
    return connection;
  }
  throw new IamTokenError('unreachable', `nothing listens at ${paths.join(' or ')}`, {
    hint: isNamed ? `iam-tokend --socket '${paths.join()}' &` : startCommand(surroundings),
  });
}

function candidates(surroundings: Surroundings): readonly [string, ...string[]] {
  try {
    return socketCandidates(surroundings);
  } catch (cause) {
    const problem = problemOf(cause);
    throw new IamTokenError(problem.code, problem.message, { ...problem, cause });
  }
}

/** While more connect at once than the kernel lets wait, it says EAGAIN: asked again after so many milliseconds. */
const crowdedMs = 20;

/** @returns `null` when nothing listens there */
function connect(path: string, patience: Patience): Promise<Wire | null> {
  return new Promise((resolve, reject) => {
    let wire = openWire(path);
    let takeBackRetry = (): void => {};
    const late = (timeoutMs: number): IamTokenError =>
      unreachable(path, `no answer within ${inWords(timeoutMs)}`);
    const unwatch = whenOver(patience, late, (reason) => {
      takeBackRetry();
      wire.socket.destroy();
      reject(reason);
    });
    const failed = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EAGAIN') {
        takeBackRetry = later(crowdedMs, () => {
          wire = openWire(path);
          watch();
        });
        return;
      }
      unwatch();
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(null);
      else reject(refusal(path, error));
    };
    const watch = (): void => {
      wire.socket.once('error', failed);
      wire.socket.once('connect', () => {
        unwatch();
        wire.socket.off('error', failed);
        resolve(wire);
      });
    };
    watch();
  });
}

function refusal(path: string, error: NodeJS.ErrnoException): IamTokenError {
  if (error.code !== 'EACCES') return unreachable(path, error.message, { cause: error });
  return unreachable(path, 'you may not', { cause: error, hint: `see who may: ls -l '${path}'` });
}

function unreachable(path: string, why: string, about?: AboutError): IamTokenError {
  return new IamTokenError('unreachable', `cannot connect to ${path}: ${why}`, about);
}
