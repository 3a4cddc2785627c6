import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';

/** Listens on a free port of 127.0.0.1, and returns it. */
export async function listenOnLoopback(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Closes a server with all its connections, hanging ones too. */
export async function closeServer(server: HttpServer): Promise<void> {
  const closeEvent = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closeEvent;
}
