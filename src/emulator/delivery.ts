import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Delivery } from './faulted.ts';
import type { Reply } from './reply.ts';

/** Brings an answer to the socket, or as much of it as is meant to arrive. */
export async function deliver(delivery: Delivery, response: ServerResponse): Promise<void> {
  switch (delivery.how) {
    case 'whole':
      head(delivery.reply, response).end(delivery.reply.body);
      return;
    case 'half':
      head(delivery.reply, response).write(delivery.reply.body.slice(0, delivery.reply.body.length / 2));
      return;
    case 'cut':
      cut(delivery.reply, delivery.of, delivery.atByte, response);
      return;
    case 'flood':
      await flood(delivery.bytes, response);
      return;
    case 'never':
      return;
    default:
      delivery satisfies never;
  }
}

function head({ status, headers, body }: Reply, response: ServerResponse): ServerResponse {
  return response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
}

/** Written by hand, so that the cut can be at any byte, also in the head. */
function cut(reply: Reply, of: 'body' | 'answer', atByte: number, response: ServerResponse): void {
  const { status, headers, body } = reply;
  const lines = { ...response.getHeaders(), ...headers, 'content-length': Buffer.byteLength(body) };
  const text = Object.entries(lines).map(([name, value]) => `${name}: ${String(value)}\r\n`);
  const before = Buffer.from(`HTTP/1.1 ${status} OK\r\n${text.join('')}\r\n`);
  const answer = Buffer.concat([before, Buffer.from(body)]);
  const { socket } = response;
  socket?.write(answer.subarray(0, (of === 'body' ? before.length : 0) + atByte), () =>
    socket.resetAndDestroy(),
  );
}

const chunk = Buffer.alloc(64 * 1024, 'a');

/** JSON that begins well, and goes on only as fast as it is read. */
async function flood(bytes: number, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  const source = Readable.from(tokenOfBytes(bytes));
  try {
    await pipeline(source, response);
  } catch (thrown) {
    // Whoever reads has had enough, which is what this is for.
    if (!response.destroyed) throw thrown;
  }
}

function* tokenOfBytes(bytes: number): Generator<Buffer> {
  yield Buffer.from('{"iamToken":"t1.');
  for (let left = bytes; left > 0; left -= chunk.length) yield chunk.subarray(0, left);
  yield Buffer.from('"}');
}
