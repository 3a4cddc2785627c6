import type { Socket } from 'node:net';
import { closeWithPeer } from '../../files/sockets/close-with-peer.ts';
import {
  type EventMessage,
  ipcEventName,
  protocolVersion,
  type ResponseMessage,
} from '../../protocol/envelope.ts';
import type { Peer, PeerAccess } from '../../protocol/peer.ts';
import type { Clock } from '../../shared/clock.ts';
import { errorMessage } from '../../shared/error-utils.ts';

export interface IpcConnection {
  readonly peer: Peer;
  handle(data: unknown): void;
}

/** What a connection needs of node-ipc. */
interface FrameHub {
  emit(socket: Socket, event: string, data: unknown): boolean;
  clearMessageTimer(socket: Socket): void;
}

export interface IpcConnectionParts {
  readonly clock: Pick<Clock, 'now' | 'createAlarm'>;
  readonly onMessage: (data: unknown, peer: Peer) => void;
  readonly onError: (reason: string) => void;
}

/** A peer that ends its side, as `nc -N` does, gets the responses to what it has sent; then the connection ends. */
export function createIpcConnection(
  socket: Socket,
  access: PeerAccess,
  hub: FrameHub,
  { clock, onMessage, onError }: IpcConnectionParts,
  onFlush: () => void,
): IpcConnection {
  const closing = createCloseSignal(socket);
  let pendingCount = 0;
  socket.once('end', () => {
    // What follows the last frame will never be one.
    hub.clearMessageTimer(socket);
    if (pendingCount === 0) socket.end();
    else closeWithPeer(socket, clock);
  });
  const peer: Peer = {
    ...access,
    send: (message) => {
      if (socket.destroyed) return;
      sendFrame(socket, hub, message, onFlush);
      if (!('id' in message)) return;
      pendingCount -= 1;
      if (pendingCount === 0 && socket.readableEnded) socket.end();
    },
    close: (reason) => {
      onError(reason);
      socket.destroy();
    },
    get closeSignal() {
      return closing.signal;
    },
  };
  return {
    peer,
    handle: (data) => {
      pendingCount += 1;
      try {
        onMessage(data, peer);
      } catch (error) {
        peer.close(`a message could not be handled: ${errorMessage(error)}`);
      }
    },
  };
}

/** Created on first use: a connection that gets a token and closes costs a tenth less without. */
function createCloseSignal(socket: Socket): { readonly signal: AbortSignal } {
  let controller: AbortController | undefined;
  socket.once('close', () => controller?.abort());
  return {
    get signal() {
      controller ??= new AbortController();
      if (socket.closed) controller.abort();
      return controller.signal;
    },
  };
}

function sendFrame(
  socket: Socket,
  hub: FrameHub,
  message: ResponseMessage | EventMessage,
  onFlush: () => void,
): void {
  corkUntilNextTick(socket, onFlush);
  try {
    hub.emit(socket, ipcEventName, message);
  } catch {
    // node-ipc throws only if the message is too long for a frame. An event that is too long is dropped.
    if (!('id' in message)) return;
    const error = { code: 'internal', message: 'the response is too long for a frame' };
    hub.emit(socket, ipcEventName, { v: protocolVersion, id: message.id, error });
  }
}

/** One system call for all responses of a tick: one for each response is three times as slow. */
function corkUntilNextTick(socket: Socket, onFlush: () => void): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  process.nextTick(() => {
    socket.uncork();
    onFlush();
  });
}
