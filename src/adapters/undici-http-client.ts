import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { callbackify } from 'node:util';
import type * as undici from 'undici';
import type { Clock } from '../shared/clock.ts';
import type { HttpClient } from '../shared/http-client.ts';
import { connectTcp } from './http-connection/connect-tcp.ts';
import { openTunnel } from './http-connection/open-tunnel.ts';
import { skipInterimResponses } from './http-connection/skip-interim-responses.ts';
import { createTlsContext, startTls } from './http-connection/start-tls.ts';
import { proxyFor, type ProxyRules } from './proxy-for.ts';
import { createTooLargeFailure, createTransportFailure, ProxyError } from './transport-failure.ts';

export interface HttpClientOptions extends ProxyRules {
  /** Each in PEM, trusted in addition to those of Node. */
  readonly certificates: readonly string[];
}

const maxBodyBytes = 256 * 1024;

/**
 * HTTP by undici 7: by its `fetch`, because its `request()` ignores the signal while a proxy does not answer CONNECT.
 * Each request opens its own connections and closes them: exchanges are an hour apart, and a connection does not
 * survive the machine's sleep.
 */
export function createUndiciHttpClient(options: HttpClientOptions, clock: Clock): HttpClient {
  let tlsContext: SecureContext | undefined;
  // Up to 50 ms, to parse the certificates.
  const getTlsContext = (): SecureContext => (tlsContext ??= createTlsContext(options.certificates));
  return {
    async send({ method, url, headers, body = null }, signal) {
      // undici takes 76 ms to load; a start with a persisted token does not need it.
      const { Agent, fetch } = await import('undici');
      // Its own connections would get their settings from the environment.
      const openOwnConnection = callbackify(() =>
        openConnection(new URL(url), options, getTlsContext, clock, signal),
      );
      const connect: undici.buildConnector.connector = (_, callback) =>
        openOwnConnection((error, socket) => {
          if (error === null) callback(null, socket);
          else callback(error, null);
        });
      const dispatcher = new Agent({ connect });
      try {
        const request = { method, headers, body, redirect: 'manual', signal, dispatcher } as const;
        const response = await fetch(url, request);
        return {
          status: response.status,
          headers: new Map(response.headers),
          body: await readBody(response, url),
        };
      } catch (error) {
        throw createTransportFailure(error, url, signal);
      } finally {
        await dispatcher.destroy();
      }
    },
  };
}

/** Opens every connection of these programs to a service or a proxy. */
async function openConnection(
  url: URL,
  options: HttpClientOptions,
  getTlsContext: () => SecureContext,
  clock: Clock,
  signal: AbortSignal,
): Promise<Socket> {
  const proxyUrl = proxyFor(url.href, options);
  let socket =
    proxyUrl === null
      ? await connectTcp(addressOf(url), clock, signal)
      : await connectThroughProxy(new URL(proxyUrl), addressOf(url), getTlsContext, clock, signal);
  if (url.protocol === 'https:')
    socket = await startTls(socket, addressOf(url).host, getTlsContext(), signal);
  return skipInterimResponses(socket);
}

/** @throws ProxyError */
async function connectThroughProxy(
  proxy: URL,
  target: Address,
  getTlsContext: () => SecureContext,
  clock: Clock,
  signal: AbortSignal,
): Promise<Socket> {
  const address = addressOf(proxy);
  try {
    let socket = await connectTcp(address, clock, signal);
    if (proxy.protocol === 'https:') socket = await startTls(socket, address.host, getTlsContext(), signal);
    return await openTunnel(socket, proxy, target, signal);
  } catch (cause) {
    throw new ProxyError(`${address.host}:${address.port}`, { cause });
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
}

function addressOf({ hostname, port, protocol }: URL): Address {
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (protocol === 'https:' ? 443 : 80)) };
}

async function readBody({ body }: undici.Response, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of body ?? []) {
    byteCount += chunk.byteLength;
    if (byteCount > maxBodyBytes) throw createTooLargeFailure(url, maxBodyBytes);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
