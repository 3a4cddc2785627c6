import type { Secret } from '../shared/secret.ts';

/** An IAM token in hand. Times are milliseconds since the Unix epoch. */
export interface IamToken {
  readonly value: Secret;
  /** Id of the account that the token speaks for; `null` where neither IAM nor the source told. */
  readonly subject: string | null;
  /** As IAM gave it, by IAM's clock. */
  readonly expiresAtMs: number;
  /** When this token was first seen, by the same clock as `expiresAtMs`. */
  readonly receivedAtMs: number;
}

/** Fresh: serve it. Stale: serve it and renew behind. Expired: never serve it. */
export type Freshness = 'fresh' | 'stale' | 'expired';

/** A token this near its end counts as expired: it must still be alive when it reaches the service it is for. */
export const expiryMarginMs = 60_000;

/** Part of its life that a token may have left before it is renewed, whatever the schedule says. */
const renewalShare = 0.1;

/** Milliseconds until the service refuses the token; negative once it does. */
export function lifeLeftMs(token: IamToken, nowMs: number): number {
  return token.expiresAtMs - nowMs;
}

/** When a tenth of the life that the token had on arrival is left. */
export function earlyRenewalAtMs(token: IamToken): number {
  return token.expiresAtMs - (token.expiresAtMs - token.receivedAtMs) * renewalShare;
}

export function freshness(token: IamToken, nowMs: number): Freshness {
  if (lifeLeftMs(token, nowMs) <= expiryMarginMs) return 'expired';
  return nowMs >= earlyRenewalAtMs(token) ? 'stale' : 'fresh';
}
