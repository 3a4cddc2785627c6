import { rootCertificates } from 'node:tls';
import type * as undici from 'undici';
import type { HttpClient } from '../shared/http-client.ts';
import { isNeverProxied } from './proxy-rule.ts';
import { tooLarge, transportFailure } from './transport-failure.ts';

export interface HttpOptions {
  /** URL of an HTTP proxy, for every host but this machine, its metadata address and those of `noProxy`. */
  readonly proxy: string | null;
  /** Hosts that are asked directly, each as `NO_PROXY` has it: `host`, `.domain`, `*.domain`, `host:port`, `*`. */
  readonly noProxy: readonly string[];
  /** Certificates in PEM, trusted beside those that Node brings. */
  readonly certificates: string | null;
}

const bodyLimitBytes = 256 * 1024;

/**
 * HTTP by undici 7: its `fetch`, because its `request()` ignores the signal while a proxy leaves CONNECT unanswered.
 * Each request has connections of its own, closed with it: exchanges are an hour apart, and what a sleeping machine
 * left open is dead.
 */
export function undiciHttp(options: HttpOptions): HttpClient {
  return {
    async send({ method, url, headers, body = null }, signal) {
      // Loading undici takes 76 ms, which a start with a kept token does not have to pay.
      const loaded = await import('undici');
      const dispatcher = dispatcherFor(url, options, loaded);
      try {
        const request = { method, headers, body, redirect: 'manual', signal, dispatcher } as const;
        const response = await loaded.fetch(url, request);
        return {
          status: response.status,
          headers: new Map(response.headers),
          body: await limitedBody(response, url),
        };
      } catch (thrown) {
        throw transportFailure(thrown, url, signal);
      } finally {
        await dispatcher.destroy();
      }
    },
  };
}

function dispatcherFor(
  url: string,
  options: HttpOptions,
  { Agent, EnvHttpProxyAgent }: typeof undici,
): undici.Dispatcher {
  const { proxy, noProxy, certificates } = options;
  const trusted = certificates === null ? {} : { ca: [...rootCertificates, certificates] };
  // No connection lives until TCP's first keep-alive, a minute later; and where the system does not know how to set that up, as
  // Wine, undici would not connect.
  const connect = { keepAlive: false, ...trusted };
  if (proxy === null || isNeverProxied(new URL(url).hostname)) return new Agent({ connect });
  return new EnvHttpProxyAgent({
    httpProxy: proxy,
    httpsProxy: proxy,
    noProxy: noProxy.join(','),
    connect,
    requestTls: connect,
    proxyTls: connect,
  });
}

async function limitedBody({ body }: undici.Response, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bodyLimitBytes) throw tooLarge(url, bodyLimitBytes);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
