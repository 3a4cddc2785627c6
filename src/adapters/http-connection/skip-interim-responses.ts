import type { Socket } from 'node:net';

/** A longer interim response is passed on, so that the parser rejects it. */
const maxInterimBytes = 64 * 1024;
const interimPattern = /^HTTP\/1\.\d 1(?!01)\d\d/;
const statusLineLength = 'HTTP/1.1 100'.length;

/**
 * Drops the interim responses (1xx) before the next response on this connection: RFC 9110, section 15.2, requires clients
 * to accept them. undici 7 takes `100 Continue` for a broken connection, and Node takes it for the answer to CONNECT.
 * `101`, which answers a request that is never sent, is passed on.
 */
export function skipInterimResponses(socket: Socket): Socket {
  let buffered: Buffer = Buffer.alloc(0);
  // Each piece that arrives goes through `push`, however it is read.
  const push = socket.push.bind(socket);
  socket.push = (chunk: Buffer | null): boolean => {
    buffered = withoutInterimResponses(Buffer.concat([buffered, ...(chunk === null ? [] : [chunk])]));
    if (chunk !== null && mayBeInterim(buffered)) return true;
    socket.push = push;
    const wantsMore = buffered.length === 0 || push(buffered);
    return chunk === null ? push(null) : wantsMore;
  };
  return socket;
}

/** Removes the complete interim responses at the beginning. */
function withoutInterimResponses(bytes: Buffer): Buffer {
  if (!interimPattern.test(startOf(bytes))) return bytes;
  const end = bytes.indexOf('\r\n\r\n');
  return end === -1 ? bytes : withoutInterimResponses(bytes.subarray(end + 4));
}

function mayBeInterim(bytes: Buffer): boolean {
  const start = startOf(bytes);
  const isTooShort = start.length < statusLineLength && 'HTTP/1.'.startsWith(start.slice(0, 7));
  return bytes.length <= maxInterimBytes && (isTooShort || interimPattern.test(start));
}

function startOf(bytes: Buffer): string {
  return bytes.toString('latin1', 0, statusLineLength);
}
