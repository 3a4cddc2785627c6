import { createServer } from 'node:http';
import { connect } from 'node:net';
import { listen, shut } from './loopback.ts';

export interface ConnectProxy {
  readonly url: string;
  close(): Promise<void>;
}

/** A proxy that leads whoever wants to go anywhere by TLS to this port of ours. */
export async function startConnectProxy(port: number): Promise<ConnectProxy> {
  const server = createServer();
  server.on('connect', (_, client) => {
    const there = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(there).pipe(client);
    });
    // A tunnel ends with either end of it; the server no longer counts it as a connection of its own.
    for (const [end, other] of [
      [client, there],
      [there, client],
    ] as const) {
      end.on('error', () => end.destroy());
      end.on('end', () => end.destroy());
      end.on('close', () => other.destroy());
    }
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  return { url, close: () => shut(server) };
}
