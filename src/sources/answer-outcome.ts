import type { HttpResponse } from '../shared/http-client.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../token/ports.ts';
import { retryAfterMs, serverTimeMs } from './answer-headers.ts';
import type { TokenAnswer } from './iam-token-answer.ts';
import { jsonObject, strangeBody } from './json-answer.ts';

/** How one service speaks. */
export interface Dialect {
  /** What a person knows it as: `IAM`. */
  readonly service: string;
  /** The service's own word that it gives no token; `null` for a body that is not such a word. */
  errorIn(body: object, httpStatus: number): ExchangeFailure | null;
  /** @param nowMs by the service's own clock, where that is known */
  tokenIn(body: object, nowMs: number): TokenAnswer;
}

/**
 * Sorts an answer by what its body is, whatever its HTTP status: a proxy has statuses too.
 * @param nowMs by the local clock, for an answer without a `Date`
 */
export function outcomeOf(dialect: Dialect, response: HttpResponse, nowMs: number): ExchangeOutcome {
  const { status, headers } = response;
  const body = jsonObject(response.body);
  // Only who speaks as the service does is believed about its clock.
  const timeMs = body === null ? null : serverTimeMs(headers);
  const time = timeMs === null ? {} : { serverTimeMs: timeMs };
  const failed = (failure: ExchangeFailure): ExchangeOutcome => {
    const waitMs =
      failure.kind === 'transient' ? retryAfterMs(headers, serverTimeMs(headers) ?? nowMs) : null;
    return {
      ok: false,
      failure: { ...failure, ...(waitMs === null ? {} : { retryAfterMs: waitMs }), ...time },
    };
  };
  const transient = (message: string): ExchangeOutcome => failed({ kind: 'transient', message });

  if (body === null) return transient(`${dialect.service} answered ${status} with ${strangeBody(response)}`);
  const error = dialect.errorIn(body, status);
  if (error !== null) return failed(error);
  if (status < 200 || status > 299) {
    return transient(`${dialect.service} answered ${status} with JSON that is no error of its own`);
  }
  const answer = dialect.tokenIn(body, timeMs ?? nowMs);
  return answer.ok ? { ok: true, exchanged: { ...answer.exchanged, ...time } } : transient(answer.message);
}
