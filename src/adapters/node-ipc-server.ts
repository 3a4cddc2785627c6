import { createServer, type Server, type Socket } from 'node:net';
import type { Hub, IpcSocket } from 'node-ipc';
import { SocketListener } from '../files/sockets/socket-listener.ts';
import { ipcEventName, frameDelimiter, maxFrameBytes } from '../protocol/envelope.ts';
import type { AccessDecision, Peer, PeerAccess } from '../protocol/peer.ts';
import type { Clock } from '../shared/clock.ts';
import { errorMessage, errorCode } from '../shared/error-utils.ts';
import { ConnectionLimits, maxConnections } from './ipc/connection-limits.ts';
import { type ConnectionUser, FairScheduler } from './ipc/fair-scheduler.ts';
import { createIpcConnection, type IpcConnection } from './ipc/ipc-connection.ts';
import { scheduleSocket } from './ipc/scheduled-socket.ts';

const defaultMessageTimeoutMs = 10_000;
/** A peer that leaves more events and late responses than this unread is disconnected. */
const maxPendingBytes = 1024 * 1024;
/** How long peers may take to read their last responses when the daemon stops. */
const drainTimeoutMs = 500;

export interface IpcServerOptions {
  /** The path of a Unix socket or a Windows pipe, or the descriptor of a listening socket of the service manager. */
  readonly listenOn: { readonly path: string } | { readonly fd: number };
  readonly platform: NodeJS.Platform;
  readonly clock: Pick<Clock, 'now' | 'createAlarm' | 'timeoutSignal'>;
  /** Decides about each new connection; by default, every connection has full access. */
  readonly decideAccess?: (socket: Socket) => AccessDecision;
  /** The group that may also open the socket at `path`; default: none. */
  readonly group?: number;
  /** How long a peer may take to complete a frame; default: 10 s. */
  readonly messageTimeoutMs?: number;
  /**
   * `data` is any JSON value. Each message gets one response, unless the connection closes. If it throws, that
   * connection is closed.
   */
  readonly onMessage: (data: unknown, peer: Peer) => void;
  /** A connection that was accepted has ended. */
  readonly onDisconnect?: () => void;
  /** A connection was closed because of what its peer sent. */
  readonly onError: (reason: string) => void;
  /** A listening socket fails, such as for lack of file descriptors. */
  readonly onListenError: (reason: string) => void;
}

export interface IpcServer {
  readonly socketListener: SocketListener<Server>;
  /** @throws the system's error, such as `EADDRINUSE` */
  listen(): Promise<void>;
  /** Accepts no new peer, delivers the last responses, and ends within a second. */
  close(): Promise<void>;
  countConnections(): number;
}

/**
 * node-ipc does framing, parsing and limits. This adapter listens and passes each socket to it (`addSocket`), so that a path
 * and a socket of the service manager are treated alike, and node-ipc does not touch the socket's folder.
 */
export async function createNodeIpcServer(options: IpcServerOptions): Promise<IpcServer> {
  const hub = await createHub(options);
  const connections = new Map<Socket, IpcConnection>();
  hub.on(ipcEventName, (data, socket) => {
    // The same chunk contained an invalid frame, which has closed the connection.
    if (socket.destroyed) return;
    // node-ipc keeps its timer from the first partial frame on, even if that frame is complete by now.
    hub.clearMessageTimer(socket);
    connections.get(socket)?.handle(data);
  });

  const acceptConnection = createAccept(options, hub, connections);
  const socketListener = new SocketListener({
    createServer: () => {
      const server = createServer(
        {
          // A Windows pipe closes in both directions at once.
          allowHalfOpen: options.platform !== 'win32',
          // With any other value Node reads ahead of the scheduler.
          highWaterMark: 0,
        },
        acceptConnection,
      );
      server.maxConnections = maxConnections;
      return server;
    },
    listenOn: options.listenOn,
    group: options.group,
    onError: ({ message }) => options.onListenError(message),
  });

  return {
    socketListener,
    listen: () => socketListener.listen(),
    close: async () => {
      const closed = socketListener.close();
      for (const socket of connections.keys()) socket.end();
      // The sockets' own timeout would start again whenever a peer sends or reads a little.
      options.clock.timeoutSignal(drainTimeoutMs).addEventListener('abort', () => {
        for (const socket of connections.keys()) socket.destroy();
      });
      await closed;
    },
    countConnections: () => connections.size,
  };
}

/**
 * The options were tested with 14.0.0. The parser `assured` closes a connection that sends another event name or anything
 * but frames, and affects no other peer. It does not run on Windows; `guarded`, which does, differs in that the sender
 * of another event name stays connected.
 */
async function createHub({ platform, messageTimeoutMs, onError }: IpcServerOptions): Promise<Hub> {
  const { IPCModule } = await import('node-ipc');
  const ipc = new IPCModule();
  Object.assign(ipc.config, {
    silent: true,
    delimiter: frameDelimiter,
    parser: platform === 'win32' ? 'guarded' : 'assured',
    allowedEvents: [ipcEventName],
    maxMessageSize: maxFrameBytes,
    maxPendingBytes,
    messageTimeout: messageTimeoutMs ?? defaultMessageTimeoutMs,
    unlink: false,
  });
  ipc.serve(ipcEventName); // A name only: node-ipc's own listener is never started.
  ipc.server.on('error', (error: unknown) => {
    if (errorCode(error)?.startsWith('ERR_IPC') === true) onError(errorMessage(error));
  });
  return ipc.server;
}

/** Takes new connections, each with the turns and within the limits of its user. */
function createAccept(
  options: IpcServerOptions,
  hub: Hub,
  connections: Map<Socket, IpcConnection>,
): (socket: Socket) => void {
  const { clock, onError } = options;
  const now = (): number => clock.now().monotonicMs;
  const scheduler = new FairScheduler({ now, defer: setImmediate });
  const limits = new ConnectionLimits();

  function accept(socket: Socket): void {
    const decision = options.decideAccess?.(socket) ?? { isOtherUser: false };
    if ('rejectionReason' in decision) return reject(socket, decision.rejectionReason);
    const user = connectionUserOf(decision);
    const limitReason = user.isPrivileged ? null : limits.admit(user.key);
    if (limitReason !== null) return reject(socket, limitReason);
    const connection = createIpcConnection(socket, decision, hub, options, () => scheduled.update());
    connections.set(socket, connection);
    socket.once('close', () => {
      connections.delete(socket);
      options.onDisconnect?.();
      if (!user.isPrivileged) limits.release(user.key);
    });
    hub.addSocket(socket);
    const scheduled = scheduleSocket(socket, {
      scheduler,
      user,
      now,
      receive: takeOverReceive(socket),
      countPartialFrame: () => (socket as IpcSocket).ipcBuffer?.length ?? 0,
      close: (reason) => connection.peer.close(reason),
    });
  }

  function reject(socket: Socket, reason: string): void {
    onError(reason);
    socket.destroy();
  }

  return accept;
}

function connectionUserOf({ isOtherUser, uid }: PeerAccess): ConnectionUser {
  return { key: `${isOtherUser ? 'other' : 'privileged'} ${uid ?? 'unknown'}`, isPrivileged: !isOtherUser };
}

/** node-ipc's listener: from now on it is called when it is the turn of the connection. */
function takeOverReceive(socket: Socket): (text: string) => void {
  const [receive] = socket.listeners('data') as ((text: string) => void)[];
  if (receive === undefined) throw new Error('node-ipc does not read the socket');
  socket.off('data', receive);
  return receive;
}
