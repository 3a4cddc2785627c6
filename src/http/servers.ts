/** The HTTP servers, and the access checks of each. Requests go to the same handler as those of the IPC socket. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { AccessDecision } from '../protocol/peer.ts';
import type { Clock } from '../shared/clock.ts';
import type { Log } from '../shared/log.ts';
import { createDispatch, type RequestHandler } from './dispatch.ts';
import { createMetricsReader, type RenderMetrics } from './metrics-text.ts';
import { problemResponse, type RouteResponse } from './route-response.ts';
import { type HttpServer, createHttpServer } from './http-server.ts';
import type { SocketEndpoints } from './peer-uid-lookup.ts';
import { retryListening, type RetryingHttpServer } from './retry-listening.ts';
import { createMetricsRoutes, createTokenRoutes, metadataRoutes, respondToPath } from './routes.ts';

type Headers = IncomingMessage['headersDistinct'];

/** Sent by browsers and by forwarding proxies only. `Sec-Fetch-Mode` is not one of them: Node's own fetch sends it. */
const browserAndProxyHeaders = [
  'origin',
  'referer',
  'sec-fetch-site',
  'sec-fetch-dest',
  'x-forwarded-for',
  'forwarded',
  'via',
];

/** Some SDKs recognise a metadata service by this header. */
const metadataHeaders = { 'metadata-flavor': 'Google' };

export interface HttpServerParts {
  readonly handleRequest: RequestHandler;
  readonly clock: Clock;
  readonly log: Log;
  /** A connection has ended. */
  readonly onDisconnect?: (() => void) | undefined;
}

interface MetricsParts {
  readonly renderMetrics: RenderMetrics;
}

/**
 * `http.sock`: serves every peer that can open it, unless `decideAccess` rejects it. It also has the paths of the metadata
 * server, for containers that are given the socket.
 */
export function createSocketServer(
  { handleRequest, clock, log, onDisconnect, renderMetrics }: HttpServerParts & MetricsParts,
  path: string,
  decideAccess?: (socket: Socket) => AccessDecision,
): Promise<HttpServer> {
  const routes = metadataRoutes(clock);
  const tokenRoutes = createTokenRoutes(createMetricsReader(handleRequest, renderMetrics, clock));
  return createHttpServer({
    listenOn: { path },
    headers: metadataHeaders,
    decideAccess,
    clock,
    log,
    onDisconnect,
    respond: async ({ headersDistinct: headers, url = '' }, signal, access) => {
      const rejection = rejectBrowsersAndProxies(headers);
      if (rejection !== null) return rejection;
      const dispatch = createDispatch(handleRequest, signal, access);
      if (!url.startsWith('/computeMetadata/')) return respondToPath(tokenRoutes, url, dispatch);
      return requireMetadataFlavor(headers) ?? respondToPath(routes, url, dispatch);
    },
  });
}

export interface MetadataServerParts extends HttpServerParts {
  /** A loopback address. */
  readonly listenOn: { readonly host: string; readonly port: number };
  /** `null` allows all users of this machine. */
  readonly allowedUser: {
    readonly uid: number;
    readonly findUid: (peer: SocketEndpoints) => Promise<number | null>;
  } | null;
}

/** The metadata server. It is tried again while its address is in use. */
export async function createMetadataServer(parts: MetadataServerParts): Promise<RetryingHttpServer> {
  const { handleRequest, clock, log, onDisconnect, listenOn, allowedUser } = parts;
  const routes = metadataRoutes(clock);
  /** Each is logged once. */
  const loggedUids = new Set<number | null>();
  const server = await createHttpServer({
    listenOn,
    headers: metadataHeaders,
    clock,
    log,
    onDisconnect,
    respond: async ({ headersDistinct: headers, url = '', socket }, signal) =>
      requireMetadataFlavor(headers) ??
      rejectBrowsersAndProxies(headers) ??
      requireOwnHost(headers, server.address() ?? '') ??
      (await rejectOtherUids(socket)) ??
      respondToPath(routes, url, createDispatch(handleRequest, signal)),
  });
  return retryListening(server, 'metadata.listen', listenOn, { clock, log });

  async function rejectOtherUids(peer: SocketEndpoints): Promise<RouteResponse | null> {
    if (allowedUser === null) return null;
    const uid = await allowedUser.findUid(peer);
    if (uid === allowedUser.uid) return null;
    const description = uid === null ? 'a program of an unknown user' : `a program of uid ${uid}`;
    if (!loggedUids.has(uid)) log.write('warn', `metadata address: rejected ${description}`);
    loggedUids.add(uid);
    return problemResponse({
      code: 'forbidden',
      message: 'this address serves another user only; see metadata.allowAnyLocalUser',
    });
  }
}

export interface MetricsServerParts extends HttpServerParts, MetricsParts {
  readonly listenOn: { readonly host: string; readonly port: number };
}

/** Metrics and probes for any user of any machine that reaches the address; no token. It is tried again while its address is in use. */
export async function createMetricsServer(parts: MetricsServerParts): Promise<RetryingHttpServer> {
  const { handleRequest, clock, log, onDisconnect, listenOn, renderMetrics } = parts;
  const routes = createMetricsRoutes(createMetricsReader(handleRequest, renderMetrics, clock));
  const server = await createHttpServer({
    listenOn,
    clock,
    log,
    onDisconnect,
    respond: async ({ headersDistinct: headers, url = '' }, signal) =>
      rejectBrowsersAndProxies(headers) ?? respondToPath(routes, url, createDispatch(handleRequest, signal)),
  });
  return retryListening(server, 'metrics.listen', listenOn, { clock, log });
}

/** A web page or a proxy on this machine can reach its loopback addresses, on behalf of others. */
function rejectBrowsersAndProxies(headers: Headers): RouteResponse | null {
  const headerName = browserAndProxyHeaders.find((name) => headers[name] !== undefined);
  return headerName === undefined
    ? null
    : rejectionResponse(`browsers and proxies are not served (header ${headerName})`);
}

/** A web page cannot send this header to another origin without a CORS preflight. */
function requireMetadataFlavor({ 'metadata-flavor': flavor }: Headers): RouteResponse | null {
  return hasSingleValue(flavor, 'Google')
    ? null
    : rejectionResponse('the header Metadata-Flavor: Google is required');
}

/** Prevents DNS rebinding: a page's own host name that resolves to this address would be same-origin. */
function requireOwnHost({ host }: Headers, address: string): RouteResponse | null {
  const localhostAddress = address.replace(/^.*(?=:)/, 'localhost');
  const allowedHosts = [address, localhostAddress].flatMap((name) =>
    name.endsWith(':80') ? [name, name.slice(0, -3)] : [name],
  );
  return allowedHosts.some((name) => hasSingleValue(host, name))
    ? null
    : rejectionResponse(`the header Host must be ${address}`);
}

function rejectionResponse(message: string): RouteResponse {
  return problemResponse({ code: 'bad_request', message }, 403);
}

function hasSingleValue(values: readonly string[] | undefined, expected: string): boolean {
  return values?.length === 1 && values[0]?.toLowerCase() === expected.toLowerCase();
}
