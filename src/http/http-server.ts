import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Admission } from '../protocol/peer.ts';
import type { Clock } from '../shared/clock.ts';
import { problemOf } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import { failure, type HttpAnswer } from './http-answer.ts';

/** How long a client may take for the headers of its request. */
const headersTimeoutMs = 5_000;
const headersAtMostBytes = 8_192;
/** Connections that have not said yet what they want: of more than this the oldest is closed. */
const undecidedAtMost = 1_000;
const connectionsAtMost = 2_000;
const backlog = 4_096;
/** What a client has left to read its answer when the daemon ends. */
const farewellMs = 500;
/** Node would look at all connections every 30 s, also where there are none: we time them ourselves. */
const never = 2 ** 31 - 1;

export interface HttpServerOptions {
  readonly listenOn: { readonly path: string } | { readonly host: string; readonly port: number };
  readonly clock: Clock;
  readonly log: Log;
  /** For whose it is a connection may be refused; unless given, none is. */
  readonly admit?: ((socket: Socket) => Admission) | undefined;
  /** Answers a GET. What it throws is answered as an error. @param gone the client does not wait any more */
  readonly answer: (request: IncomingMessage, gone: AbortSignal) => Promise<HttpAnswer>;
}

export interface HttpServer {
  /** @throws the listening error, `EADDRINUSE` among them */
  listen(): Promise<void>;
  /** Takes no new client, gives those that are there their answers, and ends within a second. */
  close(): Promise<void>;
  /** `host:port`, once it listens. */
  address(): string | null;
}

/**
 * One request a connection, GET alone, and limits that let thousands of idle or slow connections harm nobody: who
 * has not sent its headers makes room for who comes later.
 */
export async function httpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { createServer } = await import('node:http');
  const { clock, log, listenOn } = options;
  /** With the monotonic time by which each must have said what it wants; in the order of these. */
  const undecided = new Map<Socket, number>();
  const closing = clock.alarm(closeOverdue);
  const server = createServer(
    {
      maxHeaderSize: headersAtMostBytes,
      headersTimeout: 0,
      requestTimeout: 0,
      connectionsCheckingInterval: never,
    },
    (request, response) => void respond(request, response),
  );
  server.maxConnections = connectionsAtMost;
  // What is sent behind the first request is not looked at.
  server.maxRequestsPerSocket = 1;
  server.on('connection', take);

  function take(socket: Socket): void {
    const admission = options.admit?.(socket);
    if (admission !== undefined && 'refused' in admission) {
      log.write('warn', `closed a connection: ${admission.refused}`);
      socket.destroy();
      return;
    }
    const [oldest] = undecided.keys();
    if (oldest !== undefined && undecided.size >= undecidedAtMost) {
      undecided.delete(oldest);
      oldest.destroy();
    }
    undecided.set(socket, clock.now().monotonicMs + headersTimeoutMs);
    socket.once('close', () => undecided.delete(socket));
    if (undecided.size === 1) closeOverdue();
  }

  function closeOverdue(): void {
    const { monotonicMs } = clock.now();
    for (const [socket, dueMs] of undecided) {
      if (dueMs > monotonicMs) return closing.set(dueMs);
      undecided.delete(socket);
      socket.destroy();
    }
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    undecided.delete(request.socket);
    response.shouldKeepAlive = false;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const { status, headers, body } = await answerTo(request, gone.signal);
    response.writeHead(status, {
      ...headers,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // Some programs know a metadata service by this.
      'metadata-flavor': 'Google',
    });
    response.end(body);
  }

  async function answerTo(request: IncomingMessage, gone: AbortSignal): Promise<HttpAnswer> {
    try {
      if (request.method === 'GET') return await options.answer(request, gone);
      const refused = failure({ code: 'bad_request', message: 'GET is the only method there is' }, 405);
      return { ...refused, headers: { ...refused.headers, allow: 'GET' } };
    } catch (error) {
      const problem = problemOf(error);
      if (problem.code === 'internal') log.write('error', `a request over HTTP failed: ${problem.message}`);
      return failure(problem);
    }
  }

  async function listen(): Promise<void> {
    const listening = once(server, 'listening');
    // Nobody else has a right to the socket, from its first moment on.
    const umask = process.umask(0o177);
    try {
      server.listen({ ...listenOn, backlog });
    } finally {
      process.umask(umask);
    }
    await listening;
    server.on('error', ({ message }) => log.write('warn', message));
  }

  async function close(): Promise<void> {
    closing.cancel();
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    for (const socket of undecided.keys()) socket.destroy();
    clock.deadline(farewellMs).addEventListener('abort', () => server.closeAllConnections());
    await closed;
  }

  function address(): string | null {
    const bound = server.address();
    return bound === null || typeof bound === 'string' ? null : hostAndPort(bound);
  }

  return { listen, close, address };
}

function hostAndPort({ address, family, port }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}
