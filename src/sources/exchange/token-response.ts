/** Parses and validates the tokens in responses. Nothing of a token appears in a message. */
import * as v from 'valibot';
import { isIamToken } from '../../protocol/validate.ts';
import { formatIsoTime } from '../../shared/clock.ts';
import { Secret } from '../../shared/secret.ts';
import { maxTokenLifetimeMs } from '../../token/token.ts';
import { type ExchangeOutcome, wrongClockHint } from '../../token/token-source.ts';
import { createFailure } from './send-exchange.ts';
import { subjectOf } from './token-subject.ts';

export const maxTokenLength = 4_096;

/** Milliseconds since the epoch, or why there is no usable time. */
export type ExpiryResult = number | { readonly violation: string };

/**
 * Parses `{"iamToken":"…","expiresAt":"…"}`.
 * @param nowMs by IAM's clock, if known
 */
export function parseTokenResponse(body: object, nowMs: number): ExchangeOutcome<Secret> {
  const { iamToken, expiresAt }: { readonly iamToken?: unknown; readonly expiresAt?: unknown } = body;
  return validateToken('IAM', iamToken, parseExpiry(expiresAt), nowMs);
}

const accessTokenSchema = v.object({
  access_token: v.optional(v.unknown()),
  expires_in: v.fallback(
    v.nullable(v.pipe(v.number(), v.minValue(-1e9), v.maxValue(1e9), v.transform(Math.floor))),
    null,
  ),
});

/**
 * Parses `{"access_token":"…","expires_in":43200,"token_type":"Bearer"}` (RFC 6749, section 5.1), as the metadata
 * service and the token exchange return it.
 * @param nowMs the time from which `expires_in` counts, by the service's clock if known
 */
export function parseAccessTokenResponse(
  service: string,
  body: object,
  nowMs: number,
): ExchangeOutcome<Secret> {
  const { access_token: token, expires_in: lifetimeSeconds } = v.parse(accessTokenSchema, body);
  const expiry =
    lifetimeSeconds === null ? { violation: 'no valid expires_in' } : nowMs + lifetimeSeconds * 1_000;
  return withRelativeExpiry(validateToken(service, token, expiry, nowMs));
}

/** For an expiry that was computed from the time of the response. */
export function withRelativeExpiry<Value>(outcome: ExchangeOutcome<Value>): ExchangeOutcome<Value> {
  return outcome.ok
    ? { ...outcome, issuedToken: { ...outcome.issuedToken, hasRelativeExpiry: true } }
    : outcome;
}

/** The `expiresAt` of IAM's responses. */
export function parseExpiry(expiresAt: unknown): ExpiryResult {
  if (typeof expiresAt !== 'string' || expiresAt === '') return { violation: 'no expiresAt' };
  return (
    parseTimestampMs(expiresAt) ?? {
      violation: `expiresAt${quoteTimestamp(expiresAt)} is not an RFC 3339 timestamp`,
    }
  );
}

/** Quoted only if it looks like a time and so cannot be a secret. */
function quoteTimestamp(expiresAt: string): string {
  return /^[\d\s.:TtZz+-]{1,40}$/.test(expiresAt) ? ` '${expiresAt.replaceAll(/\s/g, ' ')}'` : '';
}

/** RFC 3339 with 0 to 9 fraction digits, as protobuf writes a `Timestamp` in JSON (protobuf.dev, "ProtoJSON"). */
const rfc3339Pattern =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[Tt]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Milliseconds since the epoch, rounded down; `null` if the text is not a valid time with a zone. */
export function parseTimestampMs(text: string): number | null {
  const [, date, time, fraction = '', zone] = rfc3339Pattern.exec(text) ?? [];
  if (date === undefined || time === undefined || zone === undefined) return null;
  const dayMs = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(dayMs) || new Date(dayMs).toISOString().slice(0, 10) !== date) return null;
  return Date.parse(`${date}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}${zone.toUpperCase()}`);
}

/**
 * An IAM token from a response; a `transient` failure if it or its expiry is invalid.
 * @param service its name in messages
 * @param nowMs by the same clock as `expiry`
 */
export function validateToken(
  service: string,
  token: unknown,
  expiry: ExpiryResult,
  nowMs: number,
): ExchangeOutcome<Secret> {
  if (typeof token !== 'string' || token === '') return createInvalidResponse(service, 'no token');
  if (token.length > maxTokenLength)
    return createInvalidResponse(service, 'the token is longer than 4,096 characters');
  // The documented pattern is narrower, but its prefix may change (yandex.cloud/en/docs/iam/concepts/authorization/iam-token).
  if (!isIamToken(token)) {
    return createInvalidResponse(service, 'the token contains invalid characters');
  }
  return validateLifetime(service, new Secret(token), subjectOf(token), expiry, nowMs);
}

export function validateLifetime<Value>(
  service: string,
  value: Value,
  subject: string | null,
  expiry: ExpiryResult,
  nowMs: number,
): ExchangeOutcome<Value> {
  if (typeof expiry !== 'number') return createInvalidResponse(service, expiry.violation);
  const expiresAt = formatIsoTime(expiry);
  if (expiry <= nowMs) return createClockFailure(service, `the expiry ${expiresAt} is in the past`);
  // Twice the longest lifetime, so that a clock that is hours off does not make a valid token useless.
  if (expiry > nowMs + 2 * maxTokenLifetimeMs) {
    return createClockFailure(service, `the expiry ${expiresAt} is too far in the future`);
  }
  return { ok: true, issuedToken: { value, expiresAtMs: expiry, subject } };
}

/** The service or the clock is wrong; `sendExchange` knows which. */
function createClockFailure(service: string, violation: string): ExchangeOutcome<never> {
  const { failure } = createFailure('transient', invalidResponseMessage(service, violation), wrongClockHint);
  return { ok: false, failure: { ...failure, suspectsClock: true } };
}

export function createInvalidResponse(service: string, violation: string): ExchangeOutcome<never> {
  return createFailure('transient', invalidResponseMessage(service, violation));
}

function invalidResponseMessage(service: string, violation: string): string {
  return `invalid response from ${service}: ${violation}`;
}
