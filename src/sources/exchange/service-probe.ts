/** Looks at whether a service answers at all. */
import type { Clock } from '../../shared/clock.ts';
import type { HttpClient, HttpResponse } from '../../shared/http-client.ts';

/**
 * One GET without a credential.
 * @returns what the service answers; `null` if it does not answer. Never throws; resolves within 4 s
 */
export type ProbeService = (url: string) => Promise<string | null>;

const timeoutMs = 4_000;
/** Profiles of the same service share an answer for this long. */
const maxAgeMs = 4_000;

export function createProbeService(http: HttpClient, clock: Clock): ProbeService {
  const probes = new Map<
    string,
    { readonly atMonotonicMs: number; readonly answer: Promise<string | null> }
  >();
  return (url) => {
    const { monotonicMs } = clock.now();
    for (const [probedUrl, { atMonotonicMs }] of probes)
      if (monotonicMs - atMonotonicMs >= maxAgeMs) probes.delete(probedUrl);
    const probe = probes.get(url) ?? { atMonotonicMs: monotonicMs, answer: readAnswer(url, http, clock) };
    probes.set(url, probe);
    return probe.answer;
  };
}

async function readAnswer(url: string, http: HttpClient, clock: Clock): Promise<string | null> {
  try {
    const request = { method: 'GET', url, headers: { accept: 'application/json' } } as const;
    return answerOf(await http.send(request, clock.timeoutSignal(timeoutMs)));
  } catch {
    // No connection, no trust, no complete response, or none in time. A probe must not end the daemon.
    return null;
  }
}

const tooManyRequests = 429;
/** IAM's gateway may answer a GET of a method for POST with this (google.rpc code 12). */
const notImplemented = 501;

/**
 * What counts as an answer: any response other than one of a server or a gateway that fails or is overloaded. A web page
 * of a proxy is an answer too; IAM's own differs in its status.
 */
function answerOf({ status }: HttpResponse): string | null {
  const hasFailed = status === tooManyRequests || (status >= 500 && status !== notImplemented);
  return hasFailed ? null : `HTTP ${status}`;
}
