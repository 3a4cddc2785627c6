import type { ClientRequest, IncomingMessage } from 'node:http';
import { isIPv6, type Socket } from 'node:net';
import { skipInterimResponses } from './skip-interim-responses.ts';

/** The proxy did not answer CONNECT with a 2xx status. */
export class TunnelRefusedError extends Error {
  override readonly name = 'TunnelRefusedError';
  readonly code: string;

  constructor(status: number | undefined) {
    super(`the proxy answered CONNECT with ${status}`);
    this.code = status === 407 ? 'PROXY_AUTHENTICATION_REQUIRED' : 'TUNNEL_REFUSED';
  }
}

/**
 * Asks the proxy at the other end of `socket` for a tunnel to `host` (RFC 9110, section 9.3.6).
 * @param proxy its URL may have a user name and a password
 * @throws TunnelRefusedError, or the error of the connection
 */
export async function openTunnel(
  socket: Socket,
  proxy: URL,
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<Socket> {
  const { request } = await import('node:http');
  const target = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const connectRequest = request({
    method: 'CONNECT',
    path: target,
    headers: { host: target, ...proxyAuthorization(proxy) },
    createConnection: () => skipInterimResponses(socket),
    insecureHTTPParser: false,
    signal,
  });
  const { statusCode } = await awaitResponse(connectRequest);
  if (statusCode !== undefined && statusCode >= 200 && statusCode < 300) return socket;
  socket.destroy();
  throw new TunnelRefusedError(statusCode);
}

function awaitResponse(connectRequest: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    connectRequest.once('connect', (response, socket, head) => {
      socket.unshift(head);
      resolve(response);
    });
    connectRequest.on('error', reject);
    connectRequest.end();
  });
}

function proxyAuthorization(proxy: URL): Readonly<Record<string, string>> {
  const credentials = proxyCredentialsOf(proxy);
  return credentials === null ? {} : { 'proxy-authorization': `Basic ${credentials.toString('base64')}` };
}

/** The user and the password of a proxy, decoded; `null` without a user. A `%` that begins no escape stands for itself. */
function proxyCredentialsOf({ username, password }: URL): Buffer | null {
  if (username === '' && password === '') return null;
  return Buffer.concat([decodePercent(username), Buffer.from(':'), decodePercent(password)]);
}

/** To bytes, because an escape may be any byte. */
function decodePercent(text: string): Buffer {
  const parts = text.split(/(%[\da-f]{2})/i);
  return Buffer.concat(
    parts.map((part, index) =>
      Buffer.from(index % 2 === 1 ? part.slice(1) : part, index % 2 === 1 ? 'hex' : 'utf8'),
    ),
  );
}
