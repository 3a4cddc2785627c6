import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  decodeMessage,
  encodeMessage,
  messageByteLength,
  prefixBytes,
  type DBusMessage,
  type DBusValue,
} from '../../../src/stores/secret-service/dbus-message.ts';

export interface Reply {
  readonly signature?: string;
  readonly body?: readonly DBusValue[];
  readonly errorName?: string;
}

/** How the bus reacts to a call: not at all, with these bytes, or with a reply. */
export type CallReaction = null | Buffer | Reply;

export interface FakeDBus {
  readonly path: string;
  /** All calls except those of the bus that need no reaction. */
  readonly calls: readonly DBusMessage[];
  connectionCount(): number;
  /** Sends a signal to all clients. */
  emit(signal: Pick<DBusMessage, 'path' | 'interface' | 'member' | 'signature' | 'body'>): void;
  disconnectAll(): void;
  stop(): Promise<void>;
}

/**
 * A D-Bus with `reactToCall` as its only service, for behaviour that a real bus rarely shows.
 * @param authReply the response to the authentication of a client
 */
export async function startFakeDBus(
  reactToCall: (call: DBusMessage, bus: FakeDBus) => CallReaction,
  authReply = 'OK 0123456789abcdef0123456789abcdef\r\n',
): Promise<FakeDBus> {
  const folder = mkdtempSync(join(tmpdir(), 'fake-bus-'));
  const sockets = new Set<Socket>();
  const calls: DBusMessage[] = [];

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // the client disconnected during a write
    receiveMessages(socket, authReply, (call) => {
      if (isBusCall(call)) {
        send(socket, { kind: 'return', replySerial: call.serial, signature: 's', body: [':1.1'] });
        return;
      }
      calls.push(call);
      sendReaction(socket, call.serial, reactToCall(call, bus));
    });
  });

  const bus: FakeDBus = {
    path: join(folder, 'bus'),
    calls,
    connectionCount: () => sockets.size,
    emit(signal) {
      for (const socket of sockets) send(socket, { kind: 'signal', ...signal });
    },
    disconnectAll() {
      for (const socket of sockets) socket.destroy();
    },
    async stop() {
      bus.disconnectAll();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await new Promise<void>((resolve) => server.listen(bus.path, resolve));
  return bus;
}

function isBusCall({ member }: DBusMessage): boolean {
  return member === 'Hello' || member === 'AddMatch' || member === 'RemoveMatch';
}

/** Authenticates the client, and then calls `onMessage` for each of its messages. */
function receiveMessages(socket: Socket, authReply: string, onMessage: (message: DBusMessage) => void): void {
  let received = Buffer.alloc(0);
  let isAuthenticated = false;
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    if (!isAuthenticated) {
      const line = received.indexOf('\r\n');
      if (line < 0) return;
      isAuthenticated = received.subarray(0, line).toString() === 'BEGIN';
      received = received.subarray(line + 2);
      if (!isAuthenticated) socket.write(authReply);
    }
    if (!isAuthenticated) return;
    while (received.length >= prefixBytes && received.length >= messageByteLength(received)) {
      const length = messageByteLength(received);
      onMessage(decodeMessage(received.subarray(0, length)));
      received = received.subarray(length);
    }
  });
}

function sendReaction(socket: Socket, replySerial: number, reaction: CallReaction): void {
  if (reaction === null) return;
  if (Buffer.isBuffer(reaction)) {
    socket.write(reaction);
    return;
  }
  const kind = reaction.errorName === undefined ? 'return' : 'error';
  send(socket, { kind, replySerial, body: [], ...reaction });
}

/** Clients ignore the serial of a reply or signal, so all have the same. */
function send(socket: Socket, message: Omit<DBusMessage, 'serial'>): void {
  socket.write(encodeMessage({ serial: 1, ...message }));
}
