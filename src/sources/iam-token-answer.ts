import * as v from 'valibot';
import { Secret } from '../shared/secret.ts';
import type { Exchanged } from '../token/ports.ts';
import { timestampMs } from './timestamp.ts';
import { subjectOf } from './token-subject.ts';

/** No IAM token lives longer than 12 hours; twice that is a mistake, wherever it was made. */
const longestLifeMs = 24 * 60 * 60_000;

/**
 * Visible ASCII, for the token goes into a header. The documented pattern is narrower, but the documentation says
 * that its prefix may change (yandex.cloud/en/docs/iam/concepts/authorization/iam-token, November 2026).
 */
const tokenPattern = /^[\x21-\x7e]*$/;

const noToken = "IAM's answer holds no token";
const noExpiry = "IAM's answer does not say when the token expires";

const schema = v.object({
  iamToken: v.pipe(
    v.optional(v.string(noToken), ''),
    v.nonEmpty(noToken),
    v.maxLength(4_096, "IAM's answer holds a token of over 4,096 characters"),
    v.regex(tokenPattern, "IAM's answer holds a token with characters that no token has"),
  ),
  expiresAt: v.pipe(v.optional(v.string(noExpiry), ''), v.nonEmpty(noExpiry)),
});

export type TokenAnswer =
  { readonly ok: true; readonly exchanged: Exchanged } | { readonly ok: false; readonly message: string };

/**
 * Reads `{"iamToken":"…","expiresAt":"…"}`.
 * @param body a JSON object
 * @param nowMs by IAM's own clock, where that is known
 */
export function readTokenAnswer(body: object, nowMs: number): TokenAnswer {
  const parsed = v.safeParse(schema, body);
  if (!parsed.success) return { ok: false, message: parsed.issues[0].message };
  const { iamToken, expiresAt } = parsed.output;
  const expiresAtMs = timestampMs(expiresAt);
  if (expiresAtMs === null) {
    return {
      ok: false,
      message: `IAM's answer says in no readable way when the token expires${quoted(expiresAt)}`,
    };
  }
  const expiry = new Date(expiresAtMs).toISOString();
  if (expiresAtMs <= nowMs) return { ok: false, message: `IAM gave a token that expired at ${expiry}` };
  if (expiresAtMs > nowMs + longestLifeMs) {
    return {
      ok: false,
      message: `IAM gave a token that expires at ${expiry}, which is longer than any token lives`,
    };
  }
  return { ok: true, exchanged: { token: new Secret(iamToken), expiresAtMs, subject: subjectOf(iamToken) } };
}

/** Only what cannot be a secret. */
function quoted(expiresAt: string): string {
  return /^[\d\s.:TtZz+-]{1,40}$/.test(expiresAt) ? `: '${expiresAt.replaceAll(/\s/g, ' ')}'` : '';
}
