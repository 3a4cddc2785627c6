import { join } from 'node:path';
import { monotonicNowMs, sleep } from '../../client/deadline.ts';
import { AlreadyRunningError } from '../../daemon/instance/already-running-error.ts';
import type { InstanceLocks } from '../../daemon/instance/instance-locks.ts';
import { prepareSharedSocket, prepareSocket } from '../../daemon/instance/prepare-socket.ts';
import { systemFiles } from '../../files/file-system.ts';
import { createFolder } from '../../files/folders.ts';
import type { ProcessContext } from '../../platform/paths.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import type { DaemonPaths, SocketPaths } from './arguments.ts';

/**
 * Locks the configuration folder, the sockets and the file store, so that no two daemons use one of them.
 * @param sockets the paths that this process binds; a socket passed by systemd and its folder belong to systemd
 * @returns the group that the IPC socket belongs to; `undefined`: the user's own
 * @throws AlreadyRunningError; IamTokenError naming what is wrong with a folder
 */
export async function acquireLocks(
  locks: InstanceLocks,
  paths: DaemonPaths,
  sockets: { readonly [K in keyof SocketPaths]: string | null },
  usesFileStore: boolean,
  context: ProcessContext,
): Promise<number | undefined> {
  await locks.acquireFolder(paths.config);
  let group: number | undefined;
  if (sockets.ipc !== null) {
    if (paths.isSystemWide) group = await prepareSharedSocket(sockets.ipc, context, locks);
    else await prepareSocket(sockets.ipc, context, locks);
  }
  for (const path of [sockets.http, sockets.credential])
    if (path !== null) await prepareSocket(path, context, null);
  if (usesFileStore) {
    // Several configurations can share the store's folder.
    const { state: path, alternatives } = paths;
    const alternative = omitUndefined({ alternative: alternatives.state });
    const stateFolder = { path, name: 'the state folder', ...alternative };
    await createFolder(stateFolder, systemFiles(context.uid));
    await locks.acquire(join(path, 'store.lock'));
  }
  return group;
}

const retryIntervalMs = 50;

/**
 * Repeats `action` while another daemon has a lock that it needs: a daemon that is stopping closes its connections before
 * it ends.
 * @throws AlreadyRunningError after `waitMs`; what `action` throws
 */
export async function waitForLocks<T>(action: () => Promise<T>, waitMs: number): Promise<T> {
  const endsAtMs = monotonicNowMs() + waitMs;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof AlreadyRunningError) || monotonicNowMs() >= endsAtMs) throw error;
      // A timer of the daemon's clock would not keep this process running.
      await sleep(retryIntervalMs, undefined);
    }
  }
}
