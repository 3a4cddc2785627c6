/**
 * What happens in one simulated time, as data: fast-check makes it, and makes it smaller when a promise is broken.
 *
 * Left out is what no program could notice with these two clocks and IAM's word: a clock that is set back while the
 * daemon is down or within half a minute of a sleep, and one that is slow while IAM does not say the time.
 */

/** How IAM, or the way to it, fails. */
export type Outage =
  /** At once, without an answer. */
  | 'unreachable'
  /** Never an answer. */
  | 'hanging'
  /** Code 14 of google.rpc, often with a `Retry-After`. */
  | 'busy'
  /** A page of somebody in between, whatever its status. */
  | 'junk'
  /** A token that has expired. */
  | 'dead_tokens';

/** How IAM says no; each ends when somebody does something about it. */
export type Refusal = 'revoked' | 'no_role' | 'needs_person';

export type Incident = { readonly atMs: number } & (
  | { readonly kind: 'sleep'; readonly forMs: number }
  | {
      readonly kind: 'outage';
      readonly outage: Outage;
      readonly forMs: number;
      readonly retryAfterMs: number;
    }
  | { readonly kind: 'refusal'; readonly refusal: Refusal; readonly forMs: number }
  /** Somebody sets the clock so far ahead of the true time. */
  | { readonly kind: 'clock'; readonly errorMs: number }
  /** The clock is set, the lid closed, and there is no network until an hour after it is opened. */
  | { readonly kind: 'journey'; readonly errorMs: number; readonly sleepMs: number }
  | {
      readonly kind: 'restart';
      readonly manner: 'stopped' | 'killed';
      readonly downMs: number;
      /** What the clock shows when the daemon is back; `lost` is 1970. */
      readonly clock: 'same' | 'right' | 'lost';
      readonly readingMs: number;
      /** The keychain is locked for so long after the start. */
      readonly lockedMs: number;
    }
  | { readonly kind: 'login' }
  | { readonly kind: 'logout'; readonly forMs: number }
  | { readonly kind: 'refresh' }
  | { readonly kind: 'burst'; readonly requests: number }
  | {
      readonly kind: 'polling';
      readonly everyMs: number;
      readonly forMs: number;
      readonly minTtlMs: number;
    }
);

/** What stays the same all the time. */
export interface Setting {
  /** Of everything that is random and not worth being made smaller: latencies, jitter, when clients ask. */
  readonly seed: number;
  /** How long IAM's tokens live; `null`: each as it likes. */
  readonly lifeMs: number | null;
  /** IAM's answers have a `Date`. */
  readonly tellsTime: boolean;
  /** IAM gives the same token again while it has more than this left; `null`: never. */
  readonly sameAgainAboveMs: number | null;
  /** One answer in ten is an older token, though never two in a row. */
  readonly answersOlder: boolean;
  /** The monotonic clock stands still during sleep, as on Linux, or runs on. */
  readonly monotonicSleeps: boolean;
  readonly clockErrorMs: number;
  /** The cron schedule's period; `null`: it never fires. */
  readonly scheduleMs: number | null;
  /** The keychain takes each token that is to be kept; when it does not, no clock is wrong. */
  readonly keeps: boolean;
  readonly askEveryMs: number;
}

export interface Plan {
  readonly lastsMs: number;
  readonly setting: Setting;
  readonly incidents: readonly Incident[];
}
