import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  decodeMessage,
  encodeMessage,
  messageBytes,
  prefixBytes,
  type DBusMessage,
  type DBusValue,
} from '../../src/keychain/dbus-message.ts';

export interface Reply {
  readonly signature?: string;
  readonly body?: readonly DBusValue[];
  readonly errorName?: string;
}

/** What the bus does about a call: nothing at all, for ever; send these bytes; or answer. */
export type Reaction = null | Buffer | Reply;

export interface FakeBus {
  readonly path: string;
  /** Calls that were made, `Hello` and `AddMatch` left out. */
  readonly calls: readonly DBusMessage[];
  /** Of clients that have not gone away. */
  connectionCount(): number;
  /** Sends a signal to everybody. */
  emit(signal: Pick<DBusMessage, 'path' | 'interface' | 'member' | 'signature' | 'body'>): void;
  /** Cuts everybody off. */
  drop(): void;
  stop(): Promise<void>;
}

/**
 * A D-Bus with nobody on it but `react`, to show what a real one rarely does.
 * @param login what it says to a client that wants to come in
 */
export async function startFakeBus(
  react: (call: DBusMessage, bus: FakeBus) => Reaction,
  login = 'OK 0123456789abcdef0123456789abcdef\r\n',
): Promise<FakeBus> {
  const folder = mkdtempSync(join(tmpdir(), 'fake-bus-'));
  const sockets = new Set<Socket>();
  const calls: DBusMessage[] = [];
  let serial = 0;

  function send(socket: Socket, message: Omit<DBusMessage, 'serial'>): void {
    socket.write(encodeMessage({ serial: ++serial, ...message }));
  }

  function onCall(socket: Socket, call: DBusMessage): void {
    if (call.member === 'Hello' || call.member === 'AddMatch') {
      send(socket, { kind: 'return', replySerial: call.serial, signature: 's', body: [':1.1'] });
      return;
    }
    calls.push(call);
    const reaction = react(call, bus);
    if (reaction === null) return;
    if (Buffer.isBuffer(reaction)) socket.write(reaction);
    else {
      const kind = reaction.errorName === undefined ? 'return' : 'error';
      send(socket, { kind, replySerial: call.serial, body: [], ...reaction });
    }
  }

  const server = createServer((socket) => {
    let received = Buffer.alloc(0);
    let isIn = false;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // the client went away while something was written
    socket.on('data', (piece) => {
      received = Buffer.concat([received, piece]);
      if (!isIn) {
        const line = received.indexOf('\r\n');
        if (line < 0) return;
        isIn = received.subarray(0, line).toString() === 'BEGIN';
        received = received.subarray(line + 2);
        if (!isIn) socket.write(login);
      }
      if (!isIn) return;
      while (received.length >= prefixBytes && received.length >= messageBytes(received)) {
        const length = messageBytes(received);
        onCall(socket, decodeMessage(received.subarray(0, length)));
        received = received.subarray(length);
      }
    });
  });

  const bus: FakeBus = {
    path: join(folder, 'bus'),
    calls,
    connectionCount: () => sockets.size,
    emit(signal) {
      for (const socket of sockets) send(socket, { kind: 'signal', ...signal });
    },
    drop() {
      for (const socket of sockets) socket.destroy();
    },
    async stop() {
      bus.drop();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await new Promise<void>((resolve) => server.listen(bus.path, resolve));
  return bus;
}
