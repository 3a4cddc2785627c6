/** Reads what services give: a token, if it can be one. */
import * as v from 'valibot';
import { isoTime } from '../shared/clock.ts';
import { Secret } from '../shared/secret.ts';
import { longestTokenLifeMs } from '../token/iam-token.ts';
import type { ExchangeOutcome } from '../token/ports.ts';
import { failed } from './ask.ts';
import { subjectOf } from './token-subject.ts';

const longestToken = 4_096;

/**
 * Visible ASCII, for the token goes into a header. The documented pattern is narrower, but the documentation says
 * that its prefix may change (yandex.cloud/en/docs/iam/concepts/authorization/iam-token, November 2026).
 */
const tokenPattern = /^[\x21-\x7e]*$/;

/**
 * Reads `{"iamToken":"…","expiresAt":"…"}`.
 * @param body a JSON object
 * @param nowMs by IAM's own clock, where that is known
 */
export function readTokenAnswer(body: object, nowMs: number): ExchangeOutcome {
  const { iamToken, expiresAt }: { readonly iamToken?: unknown; readonly expiresAt?: unknown } = body;
  return believedToken('IAM', iamToken, expiryIn(expiresAt), nowMs);
}

const bearerSchema = v.object({
  access_token: v.optional(v.unknown()),
  expires_in: v.fallback(
    v.nullable(v.pipe(v.number(), v.minValue(-1e9), v.maxValue(1e9), v.transform(Math.floor))),
    null,
  ),
});

/**
 * Reads `{"access_token":"…","expires_in":43200,"token_type":"Bearer"}` (RFC 6749, section 5.1), as the metadata
 * service and the token exchange answer.
 * @param nowMs from which `expires_in` counts, by the service's own clock, where that is known
 */
export function readBearerAnswer(service: string, body: object, nowMs: number): ExchangeOutcome {
  const { access_token: token, expires_in: seconds } = v.parse(bearerSchema, body);
  const expiry =
    seconds === null ? `${service}'s answer does not say how long the token lives` : nowMs + seconds * 1_000;
  return believedToken(service, token, expiry, nowMs);
}

/** Visible ASCII: they go into headers. */
const part = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,4096}$/));
const keysSchema = v.object({ accessKeyId: part, secret: part, sessionToken: part, expiresAt: v.string() });

/** What the daemon keeps of such keys, as JSON in one secret. */
export interface KeptKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/**
 * Reads `{"accessKeyId":"…","secret":"…","sessionToken":"…","expiresAt":"…"}`.
 * @param body a JSON object
 * @param nowMs by IAM's own clock, where that is known
 */
export function readKeysAnswer(body: object, nowMs: number): ExchangeOutcome {
  const parsed = v.safeParse(keysSchema, body);
  if (!parsed.success) return wrong("IAM's answer holds no whole keys");
  const { accessKeyId, secret: secretAccessKey, sessionToken, expiresAt } = parsed.output;
  const kept: KeptKeys = { accessKeyId, secretAccessKey, sessionToken };
  return believedLife('IAM', new Secret(JSON.stringify(kept)), null, expiryIn(expiresAt), nowMs);
}

/** Milliseconds since the epoch, or what is wrong with it. */
function expiryIn(expiresAt: unknown): number | string {
  if (typeof expiresAt !== 'string' || expiresAt === '') {
    return "IAM's answer does not say when the token expires";
  }
  return (
    timestampMs(expiresAt) ??
    `IAM's answer says in no readable way when the token expires${quoted(expiresAt)}`
  );
}

/** Only what cannot be a secret. */
function quoted(expiresAt: string): string {
  return /^[\d\s.:TtZz+-]{1,40}$/.test(expiresAt) ? `: '${expiresAt.replaceAll(/\s/g, ' ')}'` : '';
}

/** RFC 3339 with 0 to 9 fraction digits, as protobuf writes a `Timestamp` in JSON (protobuf.dev, "ProtoJSON"). */
const rfc3339 =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[Tt]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Milliseconds since the epoch, cut off and not rounded; `null` for what is no such time, or has no zone. */
export function timestampMs(text: string): number | null {
  const [, date, time, fraction = '', zone] = rfc3339.exec(text) ?? [];
  if (date === undefined || time === undefined || zone === undefined) return null;
  const day = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== date) return null;
  return Date.parse(`${date}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}${zone.toUpperCase()}`);
}

/**
 * A token as a service gives it, if it can be one; else a `transient` failure.
 * @param service what a person knows it as
 * @param expiry when it expires, in milliseconds since the epoch, or what is wrong with what is said of that
 * @param nowMs by the clock of `expiry`
 */
export function believedToken(
  service: string,
  token: unknown,
  expiry: number | string,
  nowMs: number,
): ExchangeOutcome {
  if (typeof token !== 'string' || token === '') return wrong(`${service}'s answer holds no token`);
  if (token.length > longestToken) return wrong(`${service}'s answer holds a token of over 4,096 characters`);
  if (!tokenPattern.test(token)) {
    return wrong(`${service}'s answer holds a token with characters that no token has`);
  }
  return believedLife(service, new Secret(token), subjectOf(token), expiry, nowMs);
}

/** Whether what a service gave can live as long as it says. */
function believedLife(
  service: string,
  token: Secret,
  subject: string | null,
  expiry: number | string,
  nowMs: number,
): ExchangeOutcome {
  if (typeof expiry === 'string') return wrong(expiry);
  const expiresAt = isoTime(expiry);
  if (expiry <= nowMs) return wrong(`${service} gave a token that expired at ${expiresAt}`);
  // Twice as long is a mistake, wherever it was made.
  if (expiry > nowMs + 2 * longestTokenLifeMs) {
    return wrong(
      `${service} gave a token that expires at ${expiresAt}, which is longer than any token lives`,
    );
  }
  return { ok: true, exchanged: { token, expiresAtMs: expiry, subject } };
}

function wrong(message: string): ExchangeOutcome {
  return failed('transient', message);
}
