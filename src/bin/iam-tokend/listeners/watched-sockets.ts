import type { Server } from 'node:net';
import { join } from 'node:path';
import { prepareSharedSocketAgain, prepareSocketAgain } from '../../../daemon/instance/prepare-socket.ts';
import { SocketWatch, type WatchedSocket } from '../../../daemon/instance/socket-watch.ts';
import { recordFileName } from '../../../files/daemon-record.ts';
import type { SocketListener } from '../../../files/sockets/socket-listener.ts';
import { IamTokenError } from '../../../shared/errors.ts';
import type { ListenerParts } from './listener-parts.ts';

/** @param listeners `undefined` if the socket is off, or systemd's */
export function createSocketWatch(
  parts: ListenerParts,
  ipcListener: SocketListener<Server>,
  listeners: Readonly<Record<'http' | 'credential', SocketListener<Server> | undefined>>,
): SocketWatch {
  const { clock, log, context, locks, socketPaths, configFolder } = parts;
  const sockets: WatchedSocket[] = [];
  // A pipe has no file that could be removed.
  if (context.platform !== 'win32') {
    const ipcPath = parts.listenFd === null ? socketPaths.ipc : parts.passedPath;
    if (ipcPath !== null) sockets.push(createWatchedIpcSocket(parts, ipcPath, ipcListener));
    for (const name of ['http', 'credential'] as const) {
      const { [name]: path } = socketPaths;
      const { [name]: listener } = listeners;
      if (path === null || listener === undefined) continue;
      const prepareAgain = (): Promise<void> => prepareSocketAgain(path, context, null, log);
      sockets.push({ path, listener, isPassed: false, prepareAgain });
    }
  }
  const recordPath = join(configFolder, recordFileName);
  return new SocketWatch({ clock, log, locks, sockets, recordPath, record: locks.record });
}

function createWatchedIpcSocket(
  parts: ListenerParts,
  path: string,
  listener: SocketListener<Server>,
): WatchedSocket {
  const { log, context, locks, listenFd, isSystemWide, group } = parts;
  const isPassed = listenFd !== null;
  return {
    path,
    listener,
    isPassed,
    prepareAgain: () => {
      if (!isSystemWide) return prepareSocketAgain(path, context, locks, log);
      if (!isPassed) return prepareSharedSocketAgain(path, context, locks, log, group);
      // Only root may listen there.
      const command = 'systemctl restart iam-tokend.socket';
      const message = `${path} no longer leads to the daemon; run: ${command}`;
      throw new IamTokenError({ code: 'internal', message, hint: command });
    },
  };
}
