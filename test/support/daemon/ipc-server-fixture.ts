import assert from 'node:assert/strict';
import { join } from 'node:path';
import {
  type IpcServer,
  type IpcServerOptions,
  createNodeIpcServer,
} from '../../../src/adapters/node-ipc-server.ts';
import { createSystemClock } from '../../../src/adapters/system-clock.ts';
import type { ResponseMessage } from '../../../src/protocol/envelope.ts';
import type { Peer } from '../../../src/protocol/peer.ts';
import { useTemporaryFolder } from '../temporary-folder.ts';
import { type RawPeer, connectRawPeer } from './raw-peer.ts';

/** Returns each message to its sender; `{ fill }` requests a result of so many characters instead. */
export function echo(data: unknown, peer: Peer): void {
  if (typeof data !== 'object' || data === null) return peer.close('a frame without a message');
  const { id = 0, fill } = data as { readonly id?: number; readonly fill?: number };
  peer.send(createResult(id, fill === undefined ? data : 'x'.repeat(fill)));
}

export function createResult(id: number, result: unknown): ResponseMessage {
  return { v: 1, id, result };
}

/** A frame with the JSON text `data`. */
export function formatFrame(data: string, type = 'iam-token'): string {
  return `{"type":"${type}","data":${data}}\f`;
}

export async function expectEcho(client: RawPeer, id: number): Promise<void> {
  client.send({ id });
  assert.deepEqual(await client.nextData(), createResult(id, { id }));
}

export interface IpcServerFixture {
  readonly socketPath: () => string;
  /** What the server reported by `onError` since the test began. */
  readonly errors: () => readonly string[];
  /** An echo server that does not listen yet. */
  createServer(options?: Partial<IpcServerOptions>): Promise<IpcServer>;
  startServer(options?: Partial<IpcServerOptions>): Promise<IpcServer>;
  connectClient(): Promise<RawPeer>;
}

/** Servers and clients on one socket; each is closed after its test. */
export function useIpcServer(): IpcServerFixture {
  const folder = useTemporaryFolder();
  const socketPath = (): string => join(folder(), 'ipc.sock');
  let errors: string[] = [];
  let servers: IpcServer[] = [];
  let clients: RawPeer[] = [];

  afterEach(async () => {
    for (const { socket } of clients) socket.destroy();
    for (const server of servers) await server.close();
    errors = [];
    servers = [];
    clients = [];
  });

  async function createServer(options: Partial<IpcServerOptions> = {}): Promise<IpcServer> {
    const server = await createNodeIpcServer({
      listenOn: { path: socketPath() },
      platform: process.platform,
      clock: createSystemClock(),
      onMessage: echo,
      onError: (reason) => errors.push(reason),
      onListenError: (reason) => errors.push(`cannot accept connections: ${reason}`),
      ...options,
    });
    servers.push(server);
    return server;
  }

  return {
    socketPath,
    errors: () => errors,
    createServer,
    startServer: async (options) => {
      const server = await createServer(options);
      await server.listen();
      return server;
    },
    connectClient: async () => {
      const client = await connectRawPeer(socketPath());
      clients.push(client);
      return client;
    },
  };
}
