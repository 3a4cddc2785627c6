import type { ServerResponse } from 'node:http';
import type { Reply } from './reply.ts';

/** How an answer goes to the socket, or as much of it as is meant to arrive. */
export interface Delivery {
  /** Of the answer as meant; `null` where there is none. */
  readonly status: number | null;
  send(response: ServerResponse): void;
}

export function whole(reply: Reply): Delivery {
  return { status: reply.status, send: (response) => void head(reply, response).end(reply.body) };
}

/** The head, half the body, and no more. */
export function half(reply: Reply): Delivery {
  const { status, body } = reply;
  return { status, send: (response) => void head(reply, response).write(body.slice(0, body.length / 2)) };
}

function head({ status, headers, body }: Reply, response: ServerResponse): ServerResponse {
  return response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
}

export const never: Delivery = { status: null, send: () => undefined };

/** Reset after so many bytes. Written by hand, so that the cut can be at any byte, also in the head. */
export function cut({ status, headers, body }: Reply, of: 'body' | 'answer', atByte: number): Delivery {
  return {
    status,
    send(response) {
      const lines = { ...response.getHeaders(), ...headers, 'content-length': Buffer.byteLength(body) };
      const text = Object.entries(lines).map(([name, value]) => `${name}: ${String(value)}\r\n`);
      const before = Buffer.from(`HTTP/1.1 ${status} OK\r\n${text.join('')}\r\n`);
      const answer = Buffer.concat([before, Buffer.from(body)]);
      const { socket } = response;
      socket?.write(answer.subarray(0, (of === 'body' ? before.length : 0) + atByte), () =>
        socket.resetAndDestroy(),
      );
    },
  };
}
