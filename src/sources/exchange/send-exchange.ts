/** One request to a service that issues tokens. A failure is an outcome here, never an exception. */
import type { Hint } from '../../shared/hint.ts';
import { HttpFailure, type HttpRequest, type HttpResponse } from '../../shared/http-client.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../../token/token-source.ts';
import { clampRetryAfterMs } from '../../token/backoff.ts';
import { sentAtMs } from '../../token/clock-estimate.ts';
import type { SourceTools } from '../credential-kind.ts';

export interface ServiceRequest {
  /** The service's name in messages: `IAM`. */
  readonly service: string;
  readonly request: HttpRequest;
  /** Hint for when the service cannot be reached. */
  readonly unreachableHint?: Hint;
  /**
   * The service's own error; `null` if the body is not in its error format.
   * @param body `null` if it is not a JSON object
   */
  readonly parseError: (body: object | null, httpStatus: number) => ExchangeFailure | null;
}

export interface TokenEndpoint<Value> extends ServiceRequest {
  /** @param nowMs the time of the response by the service's clock, else that of the request by the local clock */
  readonly parseToken: (body: object, nowMs: number) => ExchangeOutcome<Value>;
}

/** The service's clock; absent if the response has no `Date`, or may come from a proxy. */
interface ServerTime {
  readonly serverTimeMs?: number;
}

export type ServiceOutcome =
  | { readonly ok: true; readonly body: object; readonly nowMs: number; readonly serverTime: ServerTime }
  | { readonly ok: false; readonly failure: ExchangeFailure };

export async function sendExchange<Value>(
  endpoint: TokenEndpoint<Value>,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<ExchangeOutcome<Value>> {
  const response = await callService(endpoint, signal, tools);
  if (!response.ok) return response;
  const outcome = endpoint.parseToken(response.body, response.nowMs);
  return outcome.ok
    ? { ok: true, issuedToken: { ...outcome.issuedToken, ...response.serverTime } }
    : { ok: false, failure: withServerTime(outcome.failure, response.serverTime) };
}

/** A token that is expired by the service's own clock is not the fault of the local one. */
function withServerTime(
  { suspectsClock, hint, ...failure }: ExchangeFailure,
  serverTime: ServerTime,
): ExchangeFailure {
  const isLocalTime = serverTime.serverTimeMs === undefined;
  return suspectsClock === true && !isLocalTime
    ? { ...failure, ...serverTime }
    : { ...failure, ...omitUndefined({ suspectsClock, hint }), ...serverTime };
}

/**
 * Classifies the response by its body first and by its HTTP status second: a proxy has statuses too.
 * @returns the JSON object of a 2xx response
 */
export async function callService(
  { service, request, unreachableHint, parseError }: ServiceRequest,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<ServiceOutcome> {
  const startedAt = tools.clock.now();
  const result = await sendHttpRequest(service, request, signal, tools);
  if (!result.ok) return createFailure('transient', result.message, unreachableHint);
  const { status, headers } = result.response;
  const body = parseJsonObject(result.response.body);
  const dateHeaderMs = parseHttpDateMs(headers.get('date') ?? '');
  // Without a date, a lifetime counts from the request: the machine may have slept since the service answered.
  const nowMs = dateHeaderMs ?? sentAtMs(startedAt, tools.clock.now());
  // The date of a response that is not the service's own says nothing about its clock.
  const serverTime: ServerTime = body === null || dateHeaderMs === null ? {} : { serverTimeMs: dateHeaderMs };
  const error = parseError(body, status);
  const isSuccess = status >= 200 && status <= 299;
  if (error === null && body !== null && isSuccess) return { ok: true, body, nowMs, serverTime };
  const failure = error ?? createUnexpectedResponse(service, request, result.response, body);
  const retryAfterMs = failure.kind === 'transient' ? parseRetryAfterMs(headers, nowMs) : undefined;
  return { ok: false, failure: { ...failure, ...omitUndefined({ retryAfterMs }), ...serverTime } };
}

export type SendResult =
  { readonly ok: true; readonly response: HttpResponse } | { readonly ok: false; readonly message: string };

/** One request, for at most `tools.timeoutMs`. */
export async function sendHttpRequest(
  service: string,
  request: HttpRequest,
  signal: AbortSignal,
  { http, clock, timeoutMs }: SourceTools,
): Promise<SendResult> {
  const timeoutSignal = clock.timeoutSignal(timeoutMs);
  try {
    return { ok: true, response: await http.send(request, AbortSignal.any([signal, timeoutSignal])) };
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error;
    return { ok: false, message: describeFailure(error) };
  }

  function describeFailure({ message }: HttpFailure): string {
    if (signal.aborted) return `the request to ${service} was cancelled`;
    if (timeoutSignal.aborted) {
      return `no response from ${service} (${hostOf(request)}) within ${timeoutMs / 1_000} s`;
    }
    return `cannot reach ${service}: ${message}`;
  }
}

export function createFailure(
  kind: ExchangeFailure['kind'],
  message: string,
  hint?: Hint,
): { readonly ok: false; readonly failure: ExchangeFailure } {
  return { ok: false, failure: { kind, message, ...omitUndefined({ hint }) } };
}

function hostOf({ url }: HttpRequest): string {
  return new URL(url).host;
}

function parseJsonObject(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    // Handled like any other body that is not an object.
    return null;
  }
}

/** Names the kind of body without quoting it: it may come from anywhere and hold anything. */
function createUnexpectedResponse(
  service: string,
  request: HttpRequest,
  { status, headers, body: text }: HttpResponse,
  body: object | null,
): ExchangeFailure {
  const message = `unexpected response from ${service} (${hostOf(request)}): HTTP ${status} with ${describeBody()}`;
  return { kind: 'transient', message };

  function describeBody(): string {
    if (body !== null) return 'JSON that is not in its error format';
    if (status >= 300 && status <= 399) return 'a redirect, which is not followed';
    if (text.trim() === '') return 'an empty body';
    if (headers.get('content-type')?.includes('html') === true || text.trimStart().startsWith('<')) {
      return 'a web page, probably from a proxy or a captive portal';
    }
    return 'a body that is not a JSON object';
  }
}

/**
 * Milliseconds until the end of a `Retry-After` (RFC 9110, section 10.2.3), in seconds or as a date, at most an hour;
 * `undefined` if it is absent, invalid or past.
 */
function parseRetryAfterMs(headers: HttpResponse['headers'], nowMs: number): number | undefined {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(value)) return clampRetryAfterMs(Number(value) * 1_000);
  const atMs = parseHttpDateMs(value);
  return atMs === null || atMs < nowMs ? undefined : clampRetryAfterMs(atMs - nowMs);
}

/** IMF-fixdate, the only format that RFC 9110, section 5.6.7, allows senders. */
const httpDatePattern = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** A time outside of these is an error of the server, and would make every token look expired or valid. */
const minDateMs = Date.UTC(2020, 0);
const maxDateMs = Date.UTC(2100, 0);

/** `null` for anything but a plausible time. */
function parseHttpDateMs(text: string): number | null {
  const atMs = httpDatePattern.test(text) ? Date.parse(text) : Number.NaN;
  return atMs >= minDateMs && atMs < maxDateMs ? atMs : null;
}
