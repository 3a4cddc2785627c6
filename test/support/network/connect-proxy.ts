import { createServer } from 'node:http';
import { connect } from 'node:net';
import { listenOnLoopback, closeServer } from './loopback.ts';

export interface ConnectProxy {
  readonly url: string;
  /** The hosts that tunnels were requested to. */
  readonly hosts: ReadonlySet<string>;
  close(): Promise<void>;
}

/** A proxy that connects every tunnel to the same local port, and first sends `interimResponse`. */
export async function startConnectProxy(port: number, interimResponse = ''): Promise<ConnectProxy> {
  const server = createServer();
  const hosts = new Set<string>();
  server.on('connect', ({ url = '' }, client) => {
    hosts.add(url);
    const upstream = connect(port, '127.0.0.1', () => {
      client.write(`${interimResponse}HTTP/1.1 200 OK\r\n\r\n`);
      client.pipe(upstream).pipe(client);
    });
    // A tunnel closes with either side; the server does not track it any more.
    for (const [end, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      end.on('error', () => end.destroy());
      end.on('end', () => end.destroy());
      end.on('close', () => other.destroy());
    }
  });
  const url = `http://127.0.0.1:${await listenOnLoopback(server)}`;
  return { url, hosts, close: () => closeServer(server) };
}
