import { Secret } from '../shared/secret.ts';
import type { Exchanged } from '../token/ports.ts';
import { timestampMs } from './timestamp.ts';
import { subjectOf } from './token-subject.ts';

/** No IAM token lives longer than 12 hours; twice that is a mistake, wherever it was made. */
const longestLifeMs = 24 * 60 * 60_000;
const longestToken = 4_096;

/**
 * Visible ASCII, for the token goes into a header. The documented pattern is narrower, but the documentation says
 * that its prefix may change (yandex.cloud/en/docs/iam/concepts/authorization/iam-token, November 2026).
 */
const tokenPattern = /^[\x21-\x7e]*$/;

export type TokenAnswer =
  { readonly ok: true; readonly exchanged: Exchanged } | { readonly ok: false; readonly message: string };

/**
 * Reads `{"iamToken":"…","expiresAt":"…"}`.
 * @param body a JSON object
 * @param nowMs by IAM's own clock, where that is known
 */
export function readTokenAnswer(body: object, nowMs: number): TokenAnswer {
  const { iamToken, expiresAt }: { readonly iamToken?: unknown; readonly expiresAt?: unknown } = body;
  return believedToken('IAM', iamToken, expiryIn(expiresAt), nowMs);
}

/** Milliseconds since the epoch, or what is wrong with it. */
export function expiryIn(expiresAt: unknown): number | string {
  if (typeof expiresAt !== 'string' || expiresAt === '') {
    return "IAM's answer does not say when the token expires";
  }
  return (
    timestampMs(expiresAt) ??
    `IAM's answer says in no readable way when the token expires${quoted(expiresAt)}`
  );
}

/**
 * A token as a service gives it, if it can be one.
 * @param service what a person knows it as
 * @param expiry when it expires, in milliseconds since the epoch, or what is wrong with what is said of that
 * @param nowMs by the clock of `expiry`
 */
export function believedToken(
  service: string,
  token: unknown,
  expiry: number | string,
  nowMs: number,
): TokenAnswer {
  if (typeof token !== 'string' || token === '') return wrong(`${service}'s answer holds no token`);
  if (token.length > longestToken) return wrong(`${service}'s answer holds a token of over 4,096 characters`);
  if (!tokenPattern.test(token)) {
    return wrong(`${service}'s answer holds a token with characters that no token has`);
  }
  return believedLife(service, new Secret(token), subjectOf(token), expiry, nowMs);
}

/** Whether what a service gave can live as long as it says. */
export function believedLife(
  service: string,
  token: Secret,
  subject: string | null,
  expiry: number | string,
  nowMs: number,
): TokenAnswer {
  if (typeof expiry === 'string') return wrong(expiry);
  const expiresAt = new Date(expiry).toISOString();
  if (expiry <= nowMs) return wrong(`${service} gave a token that expired at ${expiresAt}`);
  if (expiry > nowMs + longestLifeMs) {
    return wrong(
      `${service} gave a token that expires at ${expiresAt}, which is longer than any token lives`,
    );
  }
  return { ok: true, exchanged: { token, expiresAtMs: expiry, subject } };
}

function wrong(message: string): TokenAnswer {
  return { ok: false, message };
}

/** Only what cannot be a secret. */
function quoted(expiresAt: string): string {
  return /^[\d\s.:TtZz+-]{1,40}$/.test(expiresAt) ? `: '${expiresAt.replaceAll(/\s/g, ' ')}'` : '';
}
