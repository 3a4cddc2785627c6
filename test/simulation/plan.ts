/**
 * One simulated period as data: fast-check generates it, and shrinks it when an invariant is broken.
 *
 * Plans leave out what no program could detect with these two clocks and IAM's server time: a clock that is set back
 * while the daemon is down or within half a minute of a sleep, and one that is behind while IAM sends no `Date`.
 */

/** How IAM, or the network, fails. */
export type Outage =
  /** Every request fails at once. */
  | 'unreachable'
  /** No request gets a response. */
  | 'hanging'
  /** google.rpc code 14, often with a `Retry-After`. */
  | 'busy'
  /** A proxy responds with a web page. */
  | 'html_page'
  /** IAM issues tokens that have expired. */
  | 'expired_tokens';

/** How IAM rejects the credential; ends with a login or, for `no_role`, when the role is granted. */
export type CredentialFailure = 'revoked' | 'no_role' | 'interaction_required';

export type Incident = { readonly atMs: number } & (
  | { readonly kind: 'sleep'; readonly durationMs: number }
  | {
      readonly kind: 'outage';
      readonly outage: Outage;
      readonly durationMs: number;
      readonly retryAfterMs: number;
    }
  | {
      readonly kind: 'credential_failure';
      readonly credentialFailure: CredentialFailure;
      readonly durationMs: number;
    }
  /** The wall clock is set to `errorMs` ahead of the true time. */
  | { readonly kind: 'clock'; readonly errorMs: number }
  /** The clock is set, the machine sleeps, and the network is back an hour after it wakes. */
  | { readonly kind: 'travel'; readonly errorMs: number; readonly sleepMs: number }
  | {
      readonly kind: 'restart';
      readonly shutdown: 'stopped' | 'killed';
      readonly downtimeMs: number;
      /** The wall clock at the next start; `lost` is 1970. */
      readonly clock: 'same' | 'right' | 'lost';
      readonly loadDelayMs: number;
      /** How long the keychain is locked after the start. */
      readonly lockDurationMs: number;
    }
  | { readonly kind: 'login' }
  | { readonly kind: 'logout'; readonly durationMs: number }
  | { readonly kind: 'refresh' }
  | { readonly kind: 'burst'; readonly requests: number }
  | {
      readonly kind: 'polling';
      readonly intervalMs: number;
      readonly durationMs: number;
      readonly minTtlMs: number;
    }
);

/** What does not change during a plan. */
export interface Setting {
  /** For what is random and need not be shrunk: latencies, jitter, the times of requests. */
  readonly seed: number;
  /** Lifetime of IAM's tokens; `null`: random. */
  readonly tokenLifetimeMs: number | null;
  /** Whether IAM's responses have a `Date`. */
  readonly sendsDate: boolean;
  /** IAM issues the same token again while it has more than this left; `null`: never. */
  readonly reuseTokenAboveMs: number | null;
  /** One response in ten is an older token, but never two in a row. */
  readonly returnsOlderTokens: boolean;
  /** Whether the monotonic clock stops during sleep, as on Linux. */
  readonly monotonicStopsInSleep: boolean;
  readonly clockErrorMs: number;
  /** Period of the cron schedule; `null`: no schedule. */
  readonly scheduleMs: number | null;
  /** Whether the store accepts every token that is persisted; if not, the clocks are correct. */
  readonly persistsTokens: boolean;
  readonly requestIntervalMs: number;
}

export interface Plan {
  readonly durationMs: number;
  readonly setting: Setting;
  readonly incidents: readonly Incident[];
}
