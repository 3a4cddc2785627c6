/**
 * Whether the folder that a socket lies in can be trusted: who can write to it can put a socket of their own there.
 * Client and daemon both look before they touch the socket.
 */
import { posix } from 'node:path';
import { messageOf } from '../shared/thrown.ts';
import { systemPlaces } from './places.ts';

/** Of `fs.Stats`, what counts here. */
export interface FileFacts {
  readonly uid: number;
  readonly mode: number;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

export interface SocketFolderQuestion {
  readonly socketPath: string;
  /** Whether a person named this socket (`--socket`, `IAM_TOKEND_SOCKET`), and so vouches for the place. */
  readonly isNamed: boolean;
  /** `null` on Windows. */
  readonly uid: number | null;
  /** As `lstatSync(path, { throwIfNoEntry: false })`. */
  readonly lstat: (path: string) => FileFacts | undefined;
}

export type SocketFolder =
  /**
   * Ours, and closed to all others; for root, that of the whole system too. Always so on Windows, where a pipe lies in
   * no folder.
   */
  | { readonly kind: 'private' }
  /** Named by a person; root or the socket's owner alone can write to it. `login` and `unlock` are refused here. */
  | { readonly kind: 'guarded' }
  | { readonly kind: 'missing' }
  /** A link, no folder, foreign, or open to others. */
  | { readonly kind: 'refused'; readonly message: string; readonly hint: string };

export function checkSocketFolder(question: SocketFolderQuestion): SocketFolder {
  const { socketPath, isNamed, uid, lstat } = question;
  if (uid === null) return { kind: 'private' };
  const folder = posix.dirname(socketPath);
  const shown = `the socket's folder ${folder}`;
  try {
    const found = lstat(folder);
    if (found === undefined) return { kind: 'missing' };
    if (found.isSymbolicLink()) {
      return refused(`${shown} is a link`, 'name the real folder, or remove the link');
    }
    if (!found.isDirectory()) return refused(`${shown} is no folder`, `look at ${folder}, and remove it`);
    if (found.uid === uid && (found.mode & 0o077) === 0) return { kind: 'private' };
    const mayOwn = isNamed ? [uid, 0, lstat(socketPath)?.uid] : [uid];
    if (!mayOwn.includes(found.uid)) {
      return refused(`${shown} belongs to somebody else (uid ${found.uid})`, `find out who made ${folder}`);
    }
    if (isNamed && (found.mode & 0o022) === 0) {
      const isSystems = uid === 0 && found.uid === 0 && socketPath === systemPlaces.socket;
      return { kind: isSystems ? 'private' : 'guarded' };
    }
    const mode = (found.mode & 0o7777).toString(8).padStart(4, '0');
    return found.uid === uid
      ? refused(`${shown} is open to others (mode ${mode})`, howToClose(folder))
      : refused(
          `others can write to ${shown} (mode ${mode})`,
          'use a folder that only its owner can write to',
        );
  } catch (error) {
    const reason = messageOf(error);
    return refused(`cannot look at ${shown}: ${reason}`, `see who may enter ${folder}`);
  }
}

/** A folder that is not the socket's own may have to be open, as `/tmp` has. */
function howToClose(folder: string): string {
  if (posix.basename(folder).startsWith('iam-tokend')) return `chmod 700 '${folder}'`;
  return `give the socket a folder of its own, such as ${posix.join(folder, 'iam-tokend', 'ipc.sock')}, for client and daemon alike`;
}

function refused(message: string, hint: string): SocketFolder {
  return { kind: 'refused', message, hint };
}
