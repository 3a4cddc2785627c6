/**
 * The data of the lifecycle: its state, the events that change it, and the effects that its runner carries out.
 * `Value` is what a token holds. Functions that only read a state take any `LifecycleState`; an effect that holds no
 * token is an `Effect<never>`, which fits every lifecycle.
 */
import type { Instant } from '../shared/clock.ts';
import type { Problem } from '../shared/errors.ts';
import type { Attempt, ExchangeTrigger } from './budget.ts';
import { initialClock, type ClockEstimate } from './clock-estimate.ts';
import type { ExchangeFailure, ExchangeOutcome, IssuedToken } from './token-source.ts';
import type { PersistedToken, Token } from './token.ts';
import { type TokenRequest, WaitingRequests } from './waiting-requests.ts';

export interface LifecycleState<Value = unknown> {
  readonly phase: Phase;
  readonly token: Token<Value> | null;
  /** Requests that wait for the exchange in progress, or for the store. */
  readonly waitingRequests: WaitingRequests;
  /** Wall time of the next cron firing; `null` until planned. */
  readonly scheduledAtMs: number | null;
  /** Of the last hour, for the budget. */
  readonly attempts: readonly Attempt[];
  readonly totalAttempts: number;
  readonly failureStreak: FailureStreak | null;
  /** When a request was last rejected for lack of a valid token, to within a second; `null` since the last success. */
  readonly rejectedAtMonotonicMs: number | null;
  /** The last look at the service, at first the exchange that failed; `null` since the last success. */
  readonly probe: ServiceProbe | null;
  /** Background renewals wait until then: many profiles that have to renew at once take turns. */
  readonly renewNotBeforeMonotonicMs: number;
  readonly clockEstimate: ClockEstimate;
}

export type Phase =
  /** The store is being read; requests wait. */
  | { readonly kind: 'loading' }
  /** Never logged in, logged out, or the store is locked or unavailable; `problem` says which. */
  | { readonly kind: 'no_credential'; readonly problem: Problem }
  /** The last exchange succeeded or none was made yet; the next one starts when a renewal is due. */
  | { readonly kind: 'idle' }
  | Exchanging
  /** The last exchange failed with a transient failure. */
  | BackingOff
  /** The last exchange failed with a terminal failure. */
  | { readonly kind: 'credential_rejected'; readonly retryOnSchedule: boolean }
  /** The last exchange failed and needs a person; only `login` or `refresh` tries again. */
  | { readonly kind: 'interaction_required' }
  /** The daemon is stopping or the profile was removed; every request is rejected. */
  | { readonly kind: 'stopped'; readonly problem: Problem };

export interface Exchanging {
  readonly kind: 'exchanging';
  readonly attempt: number;
  readonly trigger: ExchangeTrigger;
  readonly previousFailures: number;
  /** From before the exchange: a `refresh` overrides it once, and it still applies if that fails. */
  readonly retryAfter: RetryAfter | null;
}

export interface BackingOff {
  readonly kind: 'backing_off';
  readonly failures: number;
  readonly retryAtMonotonicMs: number;
  readonly endedAtMonotonicMs: number;
  readonly retryAfter: RetryAfter | null;
}

/** The service's `Retry-After`: until then, requests start no attempt either. */
export interface RetryAfter {
  readonly notBeforeMonotonicMs: number;
  /** Sleep after this instant counts towards it. */
  readonly since: Instant;
}

/** Failures in a row; a success ends the streak. */
export interface FailureStreak {
  /** The last one. */
  readonly failure: ExchangeFailure;
  readonly sinceMs: number;
  readonly lastAtMs: number;
  readonly count: number;
}

/** A look at whether the service answers at all, without a credential. */
export interface ServiceProbe {
  readonly atMonotonicMs: number;
  /** `null`: the service did not answer, or not yet. */
  readonly answer: string | null;
}

export type LifecycleEvent<Value> =
  /** The store is read again, after it was locked or unavailable. */
  | { readonly kind: 'loading' }
  /** The store returned a credential, and the token persisted beside it, if any. */
  | {
      readonly kind: 'credential_loaded';
      readonly persistedToken: PersistedToken<Value> | null;
      readonly turnDelayMs?: number;
    }
  | { readonly kind: 'credential_missing'; readonly problem: Problem }
  /** A new credential, verified by an exchange that began at `startedAt`. */
  | {
      readonly kind: 'logged_in';
      readonly issuedToken: IssuedToken<Value>;
      readonly startedAt: Instant;
      readonly random01: number;
    }
  | { readonly kind: 'request_received'; readonly request: TokenRequest }
  /** An exchange for an impersonated account or AWS keys of this profile has started: it counts in this budget. */
  | { readonly kind: 'derived_exchange' }
  | { readonly kind: 'requests_cancelled'; readonly requestIds: ReadonlySet<number> }
  | {
      readonly kind: 'exchange_ended';
      readonly attempt: number;
      /** When the request that was answered began: after a repetition, later than the attempt. */
      readonly startedAt: Instant;
      readonly outcome: ExchangeOutcome<Value>;
      readonly random01: number;
    }
  /** @see TokenSource.probe */
  | { readonly kind: 'service_probed'; readonly answer: string | null }
  | { readonly kind: 'schedule_planned'; readonly atMs: number }
  /**
   * `jumpMs`: how far the wall clock moved against the monotonic one since the timer was set; usually 0. `turnDelayMs`: how
   * long to wait for the turn of this profile, after sleep; else 0.
   */
  | { readonly kind: 'timer_fired'; readonly jumpMs: number; readonly turnDelayMs?: number }
  | { readonly kind: 'stopping' };

export type Effect<Value> =
  | { readonly kind: 'start_exchange'; readonly attempt: number; readonly interactive: boolean }
  | { readonly kind: 'cancel_exchange' }
  /** Look whether the service answers, if the source can, and send `service_probed`. */
  | { readonly kind: 'probe_service' }
  | { readonly kind: 'resolve'; readonly requestId: number; readonly token: Token<Value> }
  | { readonly kind: 'reject'; readonly requestId: number; readonly problem: Problem }
  /** Store the token for a restart, if tokens of this lifecycle are stored. */
  | ({ readonly kind: 'persist' } & PersistedToken<Value>)
  /** Compute the next cron firing and send `schedule_planned`. */
  | { readonly kind: 'plan_schedule' }
  | { readonly kind: 'announce'; readonly event: 'rotated' | 'failing' | 'login_required' };

/** The state at the start of a process. */
export function initialState(now: Instant): LifecycleState<never> {
  return {
    phase: { kind: 'loading' },
    token: null,
    waitingRequests: WaitingRequests.empty,
    scheduledAtMs: null,
    attempts: [],
    totalAttempts: 0,
    failureStreak: null,
    rejectedAtMonotonicMs: null,
    probe: null,
    renewNotBeforeMonotonicMs: 0,
    clockEstimate: initialClock(now),
  };
}
