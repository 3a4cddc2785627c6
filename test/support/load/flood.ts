/**
 * Attacks the daemon from one process, until it is killed:
 * node flood.js SOCKET FLOOD, where FLOOD is a `Flood` as JSON. Prints `started` when all connections are open.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { argv, stdout } from 'node:process';

export interface Flood {
  readonly connections: number;
  /** What each connection sends. */
  readonly request: { readonly method: string; readonly params?: object };
  readonly requestsPerConnection: number;
  /** `none`: responses stay unread; `all`: each is read, and a further request sent for it. */
  readonly reading: 'none' | 'all';
}

const [, , socketPath = '', floodJson = '{}'] = argv;
const flood = JSON.parse(floodJson) as Flood;
const batchSize = 50;

function formatRequests(count: number): string {
  const frame = `${JSON.stringify({ type: 'iam-token', data: { v: 1, id: 1, ...flood.request } })}\f`;
  return frame.repeat(count);
}

const allRequests = formatRequests(flood.requestsPerConnection);

function attack(): Socket {
  const socket = connect(socketPath);
  socket.on('error', () => undefined);
  socket.write(allRequests);
  if (flood.reading === 'none') socket.pause();
  else {
    socket.on('data', (chunk) => {
      let count = 0;
      for (const byte of chunk) if (byte === 0x0c) count += 1;
      socket.write(formatRequests(count));
    });
  }
  return socket;
}

for (let n = 0; n < flood.connections; n += batchSize) {
  const batch = Array.from({ length: Math.min(batchSize, flood.connections - n) }, attack);
  await Promise.all(batch.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])));
}
stdout.write('started\n');
setInterval(() => undefined, 60_000);
