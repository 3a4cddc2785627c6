import type { Secret } from '../shared/secret.ts';
import { clockToleranceMs } from './time.ts';

/** An IAM token in hand. Times are milliseconds since the Unix epoch. */
export interface IamToken {
  readonly value: Secret;
  /** Id of the account that the token speaks for; `null` where neither IAM nor the source told. */
  readonly subject: string | null;
  /** As IAM gave it, by IAM's clock. */
  readonly expiresAtMs: number;
  /** When IAM last gave it, or none that lives longer; by the same clock as `expiresAtMs`. */
  readonly receivedAtMs: number;
}

/** A token that outlives the process, and IAM's clock minus the local one when it was kept. */
export interface KeptToken {
  readonly token: IamToken;
  readonly clockOffsetMs: number;
}

/** Fresh: serve it. Stale: serve it and renew behind. Expired: never serve it. */
export type Freshness = 'fresh' | 'stale' | 'expired';

/** A token this near its end counts as expired: it must still be alive when it reaches the service it is for. */
export const expiryMarginMs = 60_000;

/** No IAM token lives longer (yandex.cloud/en/docs/iam/concepts/authorization/iam-token, November 2026). */
export const longestTokenLifeMs = 12 * 60 * 60_000;

/** Part of its life that a token may have left before it is renewed, whatever the schedule says. */
const renewalShare = 0.1;

/** Milliseconds until the service refuses the token; negative once it does. */
export function lifeLeftMs(token: IamToken, nowMs: number): number {
  return token.expiresAtMs - nowMs;
}

/** IAM's word for a token's end, as far as it can be true; `receivedAtMs` is by a clock that is not quite IAM's. */
export function believableExpiryMs(expiresAtMs: number, receivedAtMs: number): number {
  return Math.min(expiresAtMs, receivedAtMs + longestTokenLifeMs + clockToleranceMs);
}

/**
 * When a tenth of the life that the token had on arrival is left. Where that is less than two minutes, so near the
 * end that a renewal would come late, a tenth of the time that it could be served counts instead.
 */
export function earlyRenewalAtMs({ expiresAtMs, receivedAtMs }: IamToken): number {
  const lifeMs = expiresAtMs - receivedAtMs;
  const servedShareMs = expiryMarginMs + (lifeMs - expiryMarginMs) * renewalShare;
  return expiresAtMs - Math.max(lifeMs * renewalShare, Math.min(servedShareMs, 2 * expiryMarginMs));
}

export function freshness(token: IamToken, nowMs: number): Freshness {
  if (lifeLeftMs(token, nowMs) <= expiryMarginMs) return 'expired';
  // A clock that is behind the token's own arrival is wrong, and nobody knows how old the token is.
  if (nowMs < token.receivedAtMs - clockToleranceMs) return 'expired';
  return nowMs >= earlyRenewalAtMs(token) ? 'stale' : 'fresh';
}
