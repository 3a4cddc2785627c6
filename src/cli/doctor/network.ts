import { lookup } from 'node:dns/promises';
import { isNeverProxied } from '../../adapters/proxy-rule.ts';
import { failureCode } from '../../adapters/transport-failure.ts';
import { undiciHttp } from '../../adapters/undici-http.ts';
import type { Config } from '../../config/config.ts';
import { audienceOf } from '../../shared/endpoint.ts';
import { type HttpClient, HttpFailure } from '../../shared/http-client.ts';
import { orAborted } from '../../shared/or-aborted.ts';
import { Secret } from '../../shared/secret.ts';
import type { SourceTools } from '../../sources/credential-kind.ts';
import { createToken } from '../../sources/iam-api.ts';

/** How far a request came on its way to IAM. */
export interface Probe {
  readonly endpoint: string;
  readonly hostname: string;
  /** HTTP without TLS. */
  readonly isPlain: boolean;
  /** Its host and port, where this endpoint is reached through one. */
  readonly proxy: string | null;
  /** `null`: IAM itself has answered. */
  readonly stuckAt: 'dns' | 'proxy' | 'tls' | 'iam' | null;
  readonly reason: string;
  /** IAM's clock minus ours; `null` where it did not say. */
  readonly clockOffsetMs: number | null;
}

/** Asks IAM as the daemon does, but with nothing in its hands: IAM refuses that with a google.rpc.Status. */
export async function probeIam(
  endpoint: string,
  network: Config['network'],
  tools: Omit<SourceTools, 'http'>,
): Promise<Probe> {
  const { clock, timeoutMs } = tools;
  const { hostname, protocol } = new URL(endpoint);
  const proxy = proxyFor(hostname, network);
  const about = { endpoint, hostname, isPlain: protocol === 'http:', proxy, clockOffsetMs: null };
  const deadline = clock.deadline(timeoutMs);
  try {
    if (proxy === null) await orAborted(lookup(hostname.replaceAll(/[[\]]/g, '')), deadline);
  } catch {
    return { ...about, stuckAt: 'dns', reason: `the name ${hostname} cannot be resolved` };
  }

  const failures: HttpFailure[] = [];
  const inner = undiciHttp(network);
  const http: HttpClient = {
    async send(request, signal) {
      try {
        return await inner.send(request, signal);
      } catch (error) {
        if (error instanceof HttpFailure) failures.push(error);
        throw error;
      }
    },
  };
  const nothing = { field: 'yandexPassportOauthToken', secret: new Secret('') } as const;
  const installation = { endpoint, audience: audienceOf(endpoint) };
  const outcome = await createToken(nothing, installation, deadline, { ...tools, http });
  const said = outcome.ok ? outcome.exchanged : outcome.failure;
  return {
    ...about,
    clockOffsetMs: said.serverTimeMs === undefined ? null : said.serverTimeMs - clock.now().wallMs,
    stuckAt:
      outcome.ok || outcome.failure.kind === 'terminal' ? null : stageOf(failures[0]?.cause, proxy !== null),
    reason: outcome.ok ? '' : outcome.failure.message,
  };
}

/** OpenSSL's codes as Node has them, and undici's for a proxy. */
const tlsFailure = /CERT|SELF_SIGNED|UNABLE_TO|^INVALID_|^ERR_(?:SSL|TLS)|^EPROTO$|^UND_ERR_PRX_TLS$/;

function stageOf(cause: unknown, isProxied: boolean): 'proxy' | 'tls' | 'iam' {
  if (cause === undefined) return 'iam';
  if (tlsFailure.test(failureCode(cause))) return 'tls';
  return isProxied ? 'proxy' : 'iam';
}

function proxyFor(hostname: string, { proxy, noProxy }: Config['network']): string | null {
  if (proxy === null || isNeverProxied(hostname)) return null;
  const isListed = noProxy.some(
    (entry) => entry === '*' || `.${hostname}`.endsWith(entry.replace(/:\d+$/, '').replace(/^\*?\.?/, '.')),
  );
  return isListed ? null : new URL(proxy).host;
}
