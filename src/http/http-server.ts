import type * as Http from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { closeWithPeer } from '../files/sockets/close-with-peer.ts';
import { SocketListener } from '../files/sockets/socket-listener.ts';
import type { AccessDecision, PeerAccess } from '../protocol/peer.ts';
import type { Clock } from '../shared/clock.ts';
import { problemOf } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import { PendingConnections } from './pending-connections.ts';
import { problemResponse, type RouteResponse } from './route-response.ts';
import { TurnLimiter } from './turn-limiter.ts';

const maxHeaderBytes = 8_192;
const maxConnections = 1_000;
/** Requests of one server that are handled in one turn of the event loop. */
const requestsPerTurn = 8;
/** How long a client may take to send the headers of its request. */
const headersTimeoutMs = 5_000;
/** How long a client may take to read a response. */
const responseTimeoutMs = 30_000;
/** How long clients may take to read their responses when the daemon stops. */
const drainTimeoutMs = 500;
/** Node would check all connections every 30 s, even if there are none; PendingConnections does it instead. */
const disabledIntervalMs = 2 ** 31 - 1;

export interface HttpServerOptions {
  readonly listenOn: { readonly path: string } | { readonly host: string; readonly port: number };
  readonly clock: Clock;
  readonly log: Log;
  /** Sent with each response. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Decides about each new connection; by default, all are accepted. */
  readonly decideAccess?: ((socket: Socket) => AccessDecision) | undefined;
  /** A connection has ended. */
  readonly onDisconnect?: (() => void) | undefined;
  /**
   * Handles a GET; an error that it throws becomes the response.
   * @param signal aborts when the client disconnects
   */
  readonly respond: (
    request: IncomingMessage,
    signal: AbortSignal,
    access: PeerAccess,
  ) => Promise<RouteResponse>;
}

export interface HttpServer {
  readonly socketListener: SocketListener<Server>;
  /** @throws the system's error, such as `EADDRINUSE` */
  listen(): Promise<void>;
  /** Accepts no new client, delivers the responses in progress, and ends within a second. */
  close(): Promise<void>;
  /** `host:port` once it listens there; `null` before, and for a Unix socket. */
  address(): string | null;
}

const fullAccess: PeerAccess = { isOtherUser: false };

/** Serves one GET request per connection. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const http = await import('node:http');
  const { clock, log, listenOn } = options;
  const limits: ServerLimits = {
    pendingRequests: new PendingConnections(clock, headersTimeoutMs),
    unreadResponses: new PendingConnections(clock, responseTimeoutMs),
    turns: new TurnLimiter(requestsPerTurn),
  };
  const socketListener = new SocketListener({
    createServer: () => createServer(http, limits, options),
    listenOn,
    onError: ({ message }) => log.write('warn', `cannot accept connections: ${message}`),
  });

  return {
    socketListener,
    listen: () => socketListener.listen(),
    close: async () => {
      limits.pendingRequests.stop();
      limits.unreadResponses.stop();
      const { servers } = socketListener;
      const closed = socketListener.close();
      limits.pendingRequests.closeAll();
      clock.timeoutSignal(drainTimeoutMs).addEventListener('abort', () => {
        for (const server of servers) server.closeAllConnections();
      });
      await closed;
    },
    address: () => formatAddress(socketListener.servers[0]?.address() ?? null),
  };
}

interface ServerLimits {
  /** Connections whose request has not arrived yet. */
  readonly pendingRequests: PendingConnections;
  /** Connections whose client has not read the response yet. */
  readonly unreadResponses: PendingConnections;
  readonly turns: TurnLimiter;
}

function createServer(http: typeof Http, limits: ServerLimits, options: HttpServerOptions): Server {
  const accesses = new WeakMap<Socket, PeerAccess>();
  const server = http.createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      // Node's default follows --insecure-http-parser.
      insecureHTTPParser: false,
      headersTimeout: 0,
      requestTimeout: 0,
      connectionsCheckingInterval: disabledIntervalMs,
    },
    (request, response) => {
      limits.pendingRequests.remove(request.socket);
      void serveRequest(request, response, limits, options, accesses.get(request.socket) ?? fullAccess);
    },
  );
  server.maxConnections = maxConnections;
  // A second request on the same connection is ignored.
  server.maxRequestsPerSocket = 1;
  // Undocumented, in Node 20 to 26: a client that has ended its side of the connection gets its response.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('connection', (socket) => {
    socket.once('end', () => closeWithPeer(socket, options.clock));
    if (options.onDisconnect !== undefined) socket.once('close', options.onDisconnect);
    const decision = options.decideAccess?.(socket) ?? fullAccess;
    if (!('rejectionReason' in decision)) {
      accesses.set(socket, decision);
      return limits.pendingRequests.add(socket);
    }
    options.log.write('warn', `closed a connection: ${decision.rejectionReason}`);
    socket.destroy();
  });
  return server;
}

async function serveRequest(
  request: IncomingMessage,
  response: ServerResponse,
  { turns, unreadResponses }: ServerLimits,
  options: HttpServerOptions,
  access: PeerAccess,
): Promise<void> {
  response.shouldKeepAlive = false;
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  await turns.next();
  if (controller.signal.aborted) return;
  const { status, headers, body } = await createResponse(request, controller.signal, options, access);
  response.writeHead(status, {
    ...options.headers,
    ...headers,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
  if (request.socket.writableLength > 0) unreadResponses.add(request.socket);
}

async function createResponse(
  request: IncomingMessage,
  signal: AbortSignal,
  { respond, log }: HttpServerOptions,
  access: PeerAccess,
): Promise<RouteResponse> {
  try {
    if (request.method === 'GET') return await respond(request, signal, access);
    const methodNotAllowed = problemResponse({ code: 'bad_request', message: 'only GET is allowed' }, 405);
    return { ...methodNotAllowed, headers: { ...methodNotAllowed.headers, allow: 'GET' } };
  } catch (error) {
    const problem = problemOf(error);
    if (problem.code === 'internal' && !signal.aborted)
      log.write('error', `an HTTP request failed: ${problem.message}`);
    return problemResponse(problem);
  }
}

function formatAddress(address: ReturnType<Server['address']>): string | null {
  if (address === null || typeof address === 'string') return null;
  const { address: host, family, port }: AddressInfo = address;
  return family === 'IPv6' ? `[${host}]:${port}` : `${host}:${port}`;
}
