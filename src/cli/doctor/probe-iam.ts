import { lookup } from 'node:dns/promises';
import { proxyFor } from '../../adapters/proxy-for.ts';
import { failureCodeOf, isProxyFailure } from '../../adapters/transport-failure.ts';
import { createUndiciHttpClient } from '../../adapters/undici-http-client.ts';
import type { Config } from '../../config/config.ts';
import { defaultAudienceOf } from '../../shared/endpoint.ts';
import { type HttpClient, HttpFailure } from '../../shared/http-client.ts';
import { raceSignal } from '../../shared/race-signal.ts';
import { Secret } from '../../shared/secret.ts';
import type { SourceTools } from '../../sources/credential-kind.ts';
import { createToken } from '../../sources/exchange/iam-api.ts';
import { createProbeService } from '../../sources/exchange/service-probe.ts';

/** How far a request to IAM got. */
export interface Probe {
  readonly endpoint: string;
  readonly hostname: string;
  /** HTTP without TLS. */
  readonly isPlaintext: boolean;
  /** Host and port of the proxy for this endpoint. */
  readonly proxy: string | null;
  /** `null`: IAM has responded. */
  readonly failedStage: 'dns' | 'proxy' | 'tls' | 'iam' | null;
  readonly reason: string;
  /** IAM's clock minus the local one; `null` if IAM did not report its time. */
  readonly clockOffsetMs: number | null;
}

/** Calls IAM as the daemon does, but without credentials: a working IAM rejects that with a google.rpc.Status. */
export async function probeIam(
  endpoint: string,
  network: Config['network'],
  tools: Omit<SourceTools, 'http' | 'probeService'>,
): Promise<Probe> {
  const { clock, timeoutMs } = tools;
  const { hostname, protocol } = new URL(endpoint);
  const proxyUrl = proxyFor(endpoint, network);
  const proxy = proxyUrl === null ? null : new URL(proxyUrl).host;
  const probeTarget = { endpoint, hostname, isPlaintext: protocol === 'http:', proxy, clockOffsetMs: null };
  const timeoutSignal = clock.timeoutSignal(timeoutMs);
  try {
    if (proxy === null) await raceSignal(lookup(hostname.replaceAll(/[[\]]/g, '')), timeoutSignal);
  } catch {
    return { ...probeTarget, failedStage: 'dns', reason: `cannot resolve the host name ${hostname}` };
  }

  const failures: HttpFailure[] = [];
  const transport = createUndiciHttpClient(network, clock);
  const recordingHttp: HttpClient = {
    async send(request, signal) {
      try {
        return await transport.send(request, signal);
      } catch (error) {
        if (error instanceof HttpFailure) failures.push(error);
        throw error;
      }
    },
  };
  const emptyCredential = { field: 'yandexPassportOauthToken', secret: new Secret('') } as const;
  const installation = { endpoint, audience: defaultAudienceOf(endpoint) };
  const outcome = await createToken(emptyCredential, installation, timeoutSignal, {
    ...tools,
    http: recordingHttp,
    probeService: createProbeService(recordingHttp, clock),
  });
  const response = outcome.ok ? outcome.issuedToken : outcome.failure;
  return {
    ...probeTarget,
    clockOffsetMs: response.serverTimeMs === undefined ? null : response.serverTimeMs - clock.now().wallMs,
    failedStage: outcome.ok || outcome.failure.kind === 'terminal' ? null : failedStageOf(failures[0]?.cause),
    reason: outcome.ok ? '' : outcome.failure.message,
  };
}

/** Codes of OpenSSL errors in Node. */
const tlsErrorPattern = /CERT|SELF_SIGNED|UNABLE_TO|^INVALID_|^ERR_(?:SSL|TLS)|^EPROTO$/;

function failedStageOf(cause: unknown): 'proxy' | 'tls' | 'iam' {
  if (cause === undefined) return 'iam';
  if (isProxyFailure(cause)) return 'proxy';
  return tlsErrorPattern.test(failureCodeOf(cause)) ? 'tls' : 'iam';
}
