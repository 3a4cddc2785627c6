import { once } from 'node:events';
import { chmodSync, chownSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { eventName, frameEnd, maxFrameBytes, protocolVersion } from '../protocol/messages.ts';
import type { Admission, Peer } from '../protocol/peer.ts';
import type { Clock } from '../shared/clock.ts';
import { messageOf, systemCodeOf } from '../shared/thrown.ts';

const usualMessageTimeoutMs = 10_000;
/** Unread answers that a peer may leave lying before it is cut off. */
const pendingAtMostBytes = 1024 * 1024;
const connectionsAtMost = 10_000;
/** Who may wait to be taken up: a thousand shells may ask in the same moment. Linux allows 4,096 (`somaxconn`). */
const backlog = 4_096;
/** What a peer that was told goodbye has left to read its last answers. */
const farewellMs = 500;

export interface IpcServerOptions {
  /** The path of a Unix socket or a Windows pipe; or a socket that listens already and belongs to whoever passed it. */
  readonly listenOn: { readonly path: string } | { readonly fd: number };
  readonly platform: NodeJS.Platform;
  readonly clock: Pick<Clock, 'deadline'>;
  /** Who connected: a guest may do less. Unless given, any may do all. */
  readonly admit?: (socket: Socket) => Admission;
  /** The socket of `path` is for this group too; for nobody but us unless given. */
  readonly group?: number;
  /** How long a peer may take to end a frame that it began; 10 s unless given. */
  readonly messageTimeoutMs?: number;
  /** `data` is whatever JSON the frame held. A throw closes that connection. */
  readonly onMessage: (data: unknown, peer: Peer) => void;
  /** A connection was closed for what came over it. */
  readonly onFault: (reason: string) => void;
}

export interface IpcServer {
  /** @throws the listening error, `EADDRINUSE` among them */
  listen(): Promise<void>;
  /** Takes no new peer, gives those that are there their last answers, and ends within a second. */
  close(): Promise<void>;
}

/**
 * node-ipc frames, parses and guards; we listen ourselves and hand it the sockets (`addSocket`), so that a path and
 * a socket passed by the service manager take the same way, and nobody but us touches the socket's folder.
 * What the options are there for was tried with 14.0.0: `assured` drops any other event name and everything that is
 * no frame, without a word and without harm to other peers. It refuses to run on Windows; `guarded`, which runs
 * there, differs in that the sender of another event name stays connected.
 */
export async function nodeIpcServer(options: IpcServerOptions): Promise<IpcServer> {
  const { IPCModule } = await import('node-ipc');
  const ipc = new IPCModule();
  Object.assign(ipc.config, {
    silent: true,
    delimiter: frameEnd,
    parser: options.platform === 'win32' ? 'guarded' : 'assured',
    allowedEvents: [eventName],
    maxMessageSize: maxFrameBytes,
    maxPendingBytes: pendingAtMostBytes,
    messageTimeout: options.messageTimeoutMs ?? usualMessageTimeoutMs,
    unlink: false,
  });
  ipc.serve(eventName); // A name for a socket that is never made.
  const hub = ipc.server;
  const peers = new Map<Socket, Peer>();

  function peerOf(socket: Socket, isGuest: boolean): Peer {
    const goneCalls = new Set<() => void>();
    /** The answers to what came in one piece leave in one piece: a system call for each is three times as slow. */
    const corkForThisTick = (): void => {
      if (socket.writableCorked > 0) return;
      socket.cork();
      process.nextTick(() => socket.uncork());
    };
    socket.once('close', () => {
      peers.delete(socket);
      for (const gone of goneCalls) gone();
    });
    const peer: Peer = {
      isGuest,
      send: (message) => {
        if (socket.destroyed) return;
        corkForThisTick();
        try {
          hub.emit(socket, eventName, message);
        } catch {
          // node-ipc throws for what outgrows a frame, and for nothing else. Nobody waits for an event.
          if (!('id' in message)) return;
          const error = { code: 'internal', message: 'the answer is too long for a frame' };
          hub.emit(socket, eventName, { v: protocolVersion, id: message.id, error });
        }
      },
      close: (reason) => {
        options.onFault(reason);
        socket.destroy();
      },
      onGone: (gone) => {
        goneCalls.add(gone);
        return () => goneCalls.delete(gone);
      },
    };
    peers.set(socket, peer);
    return peer;
  }

  hub.on(eventName, (data: unknown, socket: Socket) => {
    // What came in one piece with the reason to close the connection comes too late.
    if (socket.destroyed) return;
    // node-ipc times from the first unfinished frame on, whatever is finished meanwhile.
    hub.clearMessageTimer(socket);
    const peer = peers.get(socket);
    if (peer === undefined) return;
    try {
      options.onMessage(data, peer);
    } catch (error) {
      peer.close(`a message could not be handled: ${messageOf(error)}`);
    }
  });
  hub.on('error', (error: unknown) => {
    if (systemCodeOf(error)?.startsWith('ERR_IPC') === true) options.onFault(messageOf(error));
  });

  const listener: Server = createServer((socket) => {
    const admission = options.admit?.(socket) ?? { isGuest: false };
    if ('refused' in admission) {
      options.onFault(admission.refused);
      socket.destroy();
      return;
    }
    peerOf(socket, admission.isGuest);
    hub.addSocket(socket);
  });
  listener.maxConnections = connectionsAtMost;

  return {
    listen: async () => {
      const listening = once(listener, 'listening');
      // Nobody else has a right to the socket, from its first moment on.
      const umask = process.umask(0o177);
      try {
        listener.listen({ ...options.listenOn, backlog });
      } finally {
        process.umask(umask);
      }
      await listening;
      if ('path' in options.listenOn && options.group !== undefined) {
        chownSync(options.listenOn.path, -1, options.group);
        chmodSync(options.listenOn.path, 0o660);
      }
      listener.on('error', (error) => options.onFault(error.message));
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        listener.close(() => resolve());
      });
      for (const socket of peers.keys()) socket.end();
      // Not the sockets' own timeout: a peer that goes on talking, or reads a little now and then, would put it off.
      options.clock.deadline(farewellMs).addEventListener('abort', () => {
        for (const socket of peers.keys()) socket.destroy();
      });
      await closed;
    },
  };
}
