import {
  type DaemonRecord,
  formatDaemonPlace,
  isDaemonRunning,
  readFolderRecord,
} from '../files/daemon-record.ts';
import { pathModuleOf, type ProcessContext, systemPaths, userFolders } from '../platform/paths.ts';
import { IamTokenError, type IamTokenErrorFields } from '../shared/errors.ts';
import { quotePosixWord } from '../shared/shell-quoting.ts';

// The same bundle: only a failure loads it.
export { explainDenial, explainNotRunning, explainSandbox } from './explain-unreachable.ts';

/** A daemon that wrote `daemon.json`. */
export interface FoundDaemon {
  readonly pid: number;
  readonly socket: string;
  /** Whether the process of the record runs; `false`: this cannot be told. */
  readonly isKnownToRun: boolean;
  /** Why it cannot be reached, if `socket` does not lead to it; `null` unless it is known to run. */
  readonly problem: IamTokenErrorFields | null;
  /** Whether the process runs no more; always `false` if that cannot be told. */
  readonly hasEnded: () => boolean;
}

/**
 * The daemon of this user's configuration, wherever its socket is; for root, also the daemon of the whole system.
 * @param namedSocket the socket that the user named
 * @returns `null` if none runs on this host
 */
export function findDaemon(namedSocket: string | undefined, context: ProcessContext): FoundDaemon | null {
  // A record has the absolute path.
  const socketPath = namedSocket && pathModuleOf(context.platform).resolve(namedSocket);
  const isSystemWide = socketPath === systemPaths.socket;
  const folder = isSystemWide ? systemPaths.state : configFolder(context);
  if (folder === null) return null;
  const owned = readFolderRecord(folder);
  if (owned === null) return null;
  // Another user's record could lead anywhere.
  if (context.uid !== null && owned.uid !== context.uid && !(isSystemWide && context.uid === 0)) return null;
  const isRunning = isDaemonRunning(owned);
  if (isRunning === false || !owned.isThisHost) return null;
  const isKnownToRun = isRunning === true;
  const { pid, socket } = owned.record;
  return {
    pid,
    socket,
    isKnownToRun,
    problem: isKnownToRun ? describeProblem(socketPath, owned.record) : null,
    hasEnded: () => isDaemonRunning(owned) === false,
  };
}

function describeProblem(explicitPath: string | undefined, record: DaemonRecord): IamTokenErrorFields {
  const { pid, socket } = record;
  if (explicitPath && explicitPath !== socket) {
    return {
      code: 'unreachable',
      message: `no daemon listens on ${explicitPath}; another is running: ${formatDaemonPlace(record)}`,
      hint: `iam-token status --socket ${quotePosixWord(socket)}`,
    };
  }
  return {
    code: 'unreachable',
    message: `iam-tokend is running (pid ${pid}), but ${socket} does not lead to it`,
    hint: `wait 30 s until it listens again, or: kill -HUP ${pid}`,
  };
}

function configFolder(context: ProcessContext): string | null {
  try {
    return userFolders(context).config;
  } catch (error) {
    if (error instanceof IamTokenError) return null; // The home folder is unknown.
    throw error;
  }
}
