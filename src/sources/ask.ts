import { given } from '../shared/given.ts';
import { HttpFailure, type HttpRequest, type HttpResponse } from '../shared/http-client.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../token/ports.ts';
import type { SourceTools } from './credential-kind.ts';

/** What a service is asked for a token, and how its answer is read. */
export interface Question {
  /** What a person knows the service as: `IAM`. */
  readonly service: string;
  readonly request: HttpRequest;
  /** What to do where it cannot be reached. */
  readonly hintUnreached?: string;
  /**
   * The service's own word that it gives no token; `null` for an answer that is not such a word.
   * @param body `null` where it is no JSON object
   */
  readonly errorIn: (body: object | null, httpStatus: number) => ExchangeFailure | null;
  /** @param nowMs by the service's own clock, where that is known */
  readonly tokenIn: (body: object, nowMs: number) => ExchangeOutcome;
}

/** Asks once, and sorts the answer by what its body is, whatever its HTTP status: a proxy has statuses too. */
export async function ask(
  { service, request, hintUnreached, errorIn, tokenIn }: Question,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<ExchangeOutcome> {
  const called = await call(service, request, signal, tools);
  if (!called.ok) return failed('transient', called.message, hintUnreached);
  const { response } = called;
  const { status, headers } = response;
  const body = jsonObject(response.body);
  const toldMs = httpDateMs(headers.get('date') ?? '');
  const nowMs = toldMs ?? tools.clock.now().wallMs;
  // Only who speaks as the service does is believed about its clock.
  const time = body === null || toldMs === null ? {} : { serverTimeMs: toldMs };
  const outcome = sorted();
  if (outcome.ok) return { ok: true, exchanged: { ...outcome.exchanged, ...time } };
  const waitMs = outcome.failure.kind === 'transient' ? retryAfterMs(headers, nowMs) : null;
  const wait = waitMs === null ? {} : { retryAfterMs: waitMs };
  return { ok: false, failure: { ...outcome.failure, ...wait, ...time } };

  function sorted(): ExchangeOutcome {
    const error = errorIn(body, status);
    if (error !== null) return { ok: false, failure: error };
    const answered = `${service} answered ${status} with`;
    if (body === null) return failed('transient', `${answered} ${strangeBody(response)}`);
    if (status >= 200 && status <= 299) return tokenIn(body, nowMs);
    return failed('transient', `${answered} JSON that is no error of its own`);
  }
}

export type Called =
  { readonly ok: true; readonly response: HttpResponse } | { readonly ok: false; readonly message: string };

/** One request, for at most `tools.timeoutMs`. */
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
    return { ok: false, message: why(thrown) };
  }

  function why({ message }: HttpFailure): string {
    if (signal.aborted) return `the request to ${service} was given up`;
    if (deadline.aborted) return `${service} did not answer within ${timeoutMs / 1_000} s`;
    return `${service} cannot be reached: ${message}`;
  }
}

export function failed(kind: ExchangeFailure['kind'], message: string, hint?: string): ExchangeOutcome {
  return { ok: false, failure: { kind, message, ...given({ hint }) } };
}

/** The JSON object that a body is; `null` for anything else. */
function jsonObject(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    // That it is no JSON is an answer too: the same as for any other thing that is no object.
    return null;
  }
}

/** Words for an answer that is not the service's own; nothing of it is quoted. */
function strangeBody({ status, headers, body }: HttpResponse): string {
  if (status >= 300 && status <= 399) return 'a redirect, which is not followed';
  if (body.trim() === '') return 'an empty body';
  if (headers.get('content-type')?.includes('html') === true || body.trimStart().startsWith('<')) {
    return 'a web page: a proxy or the login page of a network stands between';
  }
  return 'something that is no JSON object';
}

/**
 * How long to leave the service alone by its `Retry-After` (RFC 9110, section 10.2.3): seconds or a date. As long as
 * it says, however long that is. A header that makes no sense is as good as none.
 */
function retryAfterMs(headers: HttpResponse['headers'], nowMs: number): number | null {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  const atMs = httpDateMs(value);
  return atMs === null || atMs < nowMs ? null : atMs - nowMs;
}

/** IMF-fixdate of RFC 9110, section 5.6.7: the one form that may be sent. */
const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

function httpDateMs(text: string): number | null {
  const atMs = httpDate.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : atMs;
}
