import type { ExchangeFailure } from '../token/ports.ts';
import type { SourceTools } from './credential-kind.ts';
import { HttpFailure, type HttpRequest, type HttpResponse } from '../shared/http-client.ts';

export type Called =
  | { readonly ok: true; readonly response: HttpResponse }
  | { readonly ok: false; readonly failure: ExchangeFailure };

/**
 * Asks a service once, for at most `tools.timeoutMs`. That no whole answer came is always transient.
 * @param service what the person knows it as: `IAM`
 */
export async function call(
  service: string,
  request: HttpRequest,
  signal: AbortSignal,
  { http, clock, timeoutMs }: SourceTools,
): Promise<Called> {
  const deadline = clock.deadline(timeoutMs);
  try {
    return { ok: true, response: await http.send(request, AbortSignal.any([signal, deadline])) };
  } catch (thrown) {
    if (!(thrown instanceof HttpFailure)) throw thrown;
    return { ok: false, failure: { kind: 'transient', message: why(thrown) } };
  }

  function why({ message }: HttpFailure): string {
    if (signal.aborted) return `the request to ${service} was given up`;
    if (deadline.aborted) return `${service} did not answer within ${timeoutMs / 1_000} s`;
    return `${service} cannot be reached: ${message}`;
  }
}
