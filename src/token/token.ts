/**
 * A token and its freshness. In this folder a token is anything that IAM issues for a limited time: an IAM token, or AWS
 * keys for Object Storage. Times are milliseconds since the Unix epoch.
 */
import type { Secret } from '../shared/secret.ts';
import { clockToleranceMs } from './clock-estimate.ts';

/** Functions that never look at the value take any `Token`. */
export interface Token<Value = unknown> {
  readonly value: Value;
  /** Id of the account that the token was issued for; `null` if unknown. */
  readonly subject: string | null;
  /** By IAM's clock. */
  readonly expiresAtMs: number;
  /** When IAM last issued it, or issued another that expires sooner; by the same clock as `expiresAtMs`. */
  readonly receivedAtMs: number;
}

export type IamToken = Token<Secret>;

/** A token that is stored for a restart. */
export interface PersistedToken<Value> {
  readonly token: Token<Value>;
  /** IAM's clock minus the local one when the token was stored. */
  readonly clockOffsetMs: number;
}

/** Fresh: serve it. Stale: serve it and renew it in the background. Expired: never serve it. */
export type Freshness = 'fresh' | 'stale' | 'expired';

/** A token expires this early here, so that it is still valid when it reaches the service that it is sent to. */
export const expiryMarginMs = 60_000;

/** The longest lifetime of an IAM token (yandex.cloud/en/docs/iam/concepts/authorization/iam-token, November 2026). */
export const maxTokenLifetimeMs = 12 * 60 * 60_000;

/** A token counts as just issued for this long. */
const justIssuedMs = 60_000;

/** A token with less than this part of its lifetime left is renewed, whatever the schedule. */
const renewalFraction = 0.1;

/** Milliseconds until IAM rejects the token; negative once it does. */
export function timeLeftMs(token: Token, nowMs: number): number {
  return token.expiresAtMs - nowMs;
}

/**
 * Whether the token stays valid for `minTtlMs`. One that IAM has just issued may miss it by less than a minute: otherwise
 * no token would ever satisfy a request for the longest lifetime.
 */
export function isValidFor(token: Token, minTtlMs: number, nowMs: number): boolean {
  const isJustIssued = nowMs - token.receivedAtMs < justIssuedMs;
  const missingMs = minTtlMs - timeLeftMs(token, nowMs);
  return missingMs <= 0 || (isJustIssued && missingMs < justIssuedMs);
}

/** Limits IAM's `expiresAt` to the longest lifetime; the tolerance covers `receivedAtMs`, which is not quite IAM's time. */
export function clampExpiryMs(expiresAtMs: number, receivedAtMs: number): number {
  return Math.min(expiresAtMs, receivedAtMs + maxTokenLifetimeMs + clockToleranceMs);
}

/**
 * When a tenth of the lifetime is left. For a short-lived token that would be within the expiry margin or just before
 * it; then a tenth of the time until the margin counts.
 */
export function earlyRenewalAtMs({ expiresAtMs, receivedAtMs }: Token): number {
  const lifetimeMs = expiresAtMs - receivedAtMs;
  const servableThresholdMs = expiryMarginMs + (lifetimeMs - expiryMarginMs) * renewalFraction;
  return (
    expiresAtMs - Math.max(lifetimeMs * renewalFraction, Math.min(servableThresholdMs, 2 * expiryMarginMs))
  );
}

export function freshnessOf(token: Token, nowMs: number): Freshness {
  if (timeLeftMs(token, nowMs) <= expiryMarginMs) return 'expired';
  // A clock that is behind the token's own arrival is wrong, so the age of the token is unknown.
  if (nowMs < token.receivedAtMs - clockToleranceMs) return 'expired';
  return nowMs >= earlyRenewalAtMs(token) ? 'stale' : 'fresh';
}
