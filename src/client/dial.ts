import { socketCandidates, socketPathProblem, type Surroundings } from '../platform/places.ts';
import { checkSocketFolder } from '../platform/socket-folder.ts';
import { lstat } from '../platform/surroundings.ts';
import { problemOf } from '../shared/errors.ts';
import { Connection } from './connection.ts';
import { IamTokenError } from './iam-token-error.ts';
import { later } from './later.ts';
import { inWords, type Patience, whenOver } from './patience.ts';
import { Wire } from './wire.ts';

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
  const named = given(socketPath) ?? given(surroundings.env['IAM_TOKEND_SOCKET']);
  if (named !== undefined) return dialFirst([named], true, surroundings, patience);
  return dialFirst(candidates(surroundings), false, surroundings, patience);
}

/** Connects to the first of `paths` where somebody listens. What cannot be trusted on the way there ends it. */
export async function dialFirst(
  paths: readonly string[],
  named: boolean,
  { platform, uid }: Pick<Surroundings, 'platform' | 'uid'>,
  patience: Patience,
): Promise<Connection> {
  patience.signal?.throwIfAborted();
  for (const path of paths) {
    const problem = socketPathProblem(path, platform);
    if (problem !== null) throw new IamTokenError(problem.code, problem.message, problem);
    const folder = checkSocketFolder({ socketPath: path, named, uid, lstat });
    if (folder.kind === 'refused') throw new IamTokenError('unreachable', folder.message, folder);
    const wire = folder.kind === 'missing' ? null : await connect(path, patience);
    if (wire !== null) return new Connection(wire, folder.kind === 'private');
  }
  throw new IamTokenError('unreachable', `nothing listens at ${paths.join(' or ')}`, {
    hint: named ? `iam-tokend --socket '${paths.join()}' &` : 'iam-tokend &',
  });
}

function given(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function candidates(surroundings: Surroundings): readonly string[] {
  try {
    return socketCandidates(surroundings);
  } catch (cause) {
    const problem = problemOf(cause);
    throw new IamTokenError(problem.code, problem.message, problem, { cause });
  }
}

/** While more connect at once than the kernel lets wait, it says EAGAIN: asked again after so many milliseconds. */
const crowdedMs = 20;

/** @returns `null` when nothing listens there */
function connect(path: string, patience: Patience): Promise<Wire | null> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    let wire: Wire | undefined;
    let takeBackRetry = (): void => {};
    const unreachable = (why: string, cause?: unknown, hint?: string): IamTokenError =>
      new IamTokenError('unreachable', `cannot connect to ${path}: ${why}`, { hint }, { cause });
    const stopWatching = whenOver(
      patience,
      () => unreachable(`no answer within ${inWords(patience.timeoutMs)}`),
      (reason) => {
        isOver = true;
        takeBackRetry();
        wire?.socket.destroy();
        reject(reason instanceof Error ? reason : new Error('aborted', { cause: reason }));
      },
    );
    const failed = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EAGAIN') {
        takeBackRetry = later(crowdedMs, attempt);
        return;
      }
      stopWatching();
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(null);
      else if (error.code === 'EACCES')
        reject(unreachable('you may not', error, `see who may: ls -l '${path}'`));
      else reject(unreachable(error.message, error));
    };
    const attempt = (): void => {
      if (isOver) return;
      const attempted = new Wire(path);
      wire = attempted;
      attempted.socket.once('error', failed);
      attempted.socket.once('connect', () => {
        stopWatching();
        attempted.socket.off('error', failed);
        resolve(attempted);
      });
    };
    attempt();
  });
}
