import type { Instant } from '../shared/clock.ts';
import type { Problem } from '../shared/errors.ts';
import type { Attempt, Cause } from './budget.ts';
import type { IamToken, KeptToken } from './iam-token.ts';
import type { Exchanged, ExchangeFailure, ExchangeOutcome } from './ports.ts';
import { firstSense, type TimeSense } from './time.ts';

export type Phase =
  /** The store is being read: requests wait for what it says. */
  | { readonly kind: 'loading' }
  /** Nothing to exchange: never logged in, logged out, or the store does not give it up; `problem` says which. */
  | { readonly kind: 'without_credential'; readonly problem: Problem }
  /** Nothing to do until the next renewal is due. */
  | { readonly kind: 'resting' }
  | Exchanging
  | BackingOff
  /** The service said no for good. With `mayHeal` the schedule tries again. */
  | { readonly kind: 'refused'; readonly mayHeal: boolean }
  | { readonly kind: 'needs_person' }
  /** The daemon ends, or the profile is gone: nothing moves any more. */
  | { readonly kind: 'stopped'; readonly problem: Problem };

export interface Exchanging {
  readonly kind: 'exchanging';
  readonly attempt: number;
  readonly cause: Cause;
  readonly startedAt: Instant;
  readonly failuresBefore: number;
  /** What this exchange, a person's, went over. */
  readonly peace: Peace | null;
}

export interface BackingOff {
  readonly kind: 'backing_off';
  readonly failures: number;
  readonly retryAtMonotonicMs: number;
  readonly endedAtMonotonicMs: number;
  readonly peace: Peace | null;
}

/** The service's own `Retry-After`: not even a request tries before it is over. */
export interface Peace {
  readonly untilMonotonicMs: number;
  /** Sleep after this moment counts towards it. */
  readonly since: Instant;
}

/** The last failure, until a success; `count` in a row. */
export interface Trouble {
  readonly failure: ExchangeFailure;
  readonly sinceMs: number;
  readonly lastAtMs: number;
  readonly count: number;
}

/** Somebody asks, and is answered now or when an exchange has ended. */
export interface TokenRequest {
  readonly requestId: number;
  readonly minTtlMs: number;
  /** A `refresh`: it wants an exchange, and any success answers it. */
  readonly forOutcome: boolean;
}

export interface LifecycleState {
  readonly phase: Phase;
  readonly token: IamToken | null;
  /** Whom an exchange under way will answer, or the store that is being read. */
  readonly waiting: readonly TokenRequest[];
  /** Wall time at which the cron schedule fires next; `null` until planned. */
  readonly scheduledAtMs: number | null;
  readonly attempts: readonly Attempt[];
  readonly attemptsEver: number;
  readonly trouble: Trouble | null;
  readonly time: TimeSense;
}

export type LifecycleEvent =
  /** The store is asked once more, after it did not give the credential up. */
  | { readonly kind: 'loading' }
  /** The store gave a credential, and perhaps the token kept beside it. */
  | { readonly kind: 'credential_found'; readonly kept: KeptToken | null }
  | { readonly kind: 'credential_missing'; readonly problem: Problem }
  /** `startedAt`: when the exchange began that confirmed the new credential. */
  | {
      readonly kind: 'logged_in';
      readonly exchanged: Exchanged;
      readonly startedAt: Instant;
      readonly random01: number;
    }
  | { readonly kind: 'requested'; readonly request: TokenRequest }
  | { readonly kind: 'request_gone'; readonly requestId: number }
  | {
      readonly kind: 'exchange_ended';
      readonly attempt: number;
      readonly outcome: ExchangeOutcome;
      readonly random01: number;
    }
  | { readonly kind: 'schedule_planned'; readonly atMs: number }
  /** The alarm rang; `jumpMs` is how far the wall clock left the monotonic one since it was set, mostly 0. */
  | { readonly kind: 'woke'; readonly jumpMs: number }
  | { readonly kind: 'stopping' };

export type Effect =
  | { readonly kind: 'start_exchange'; readonly attempt: number; readonly interactive: boolean }
  | { readonly kind: 'cancel_exchange' }
  | { readonly kind: 'answer'; readonly requestId: number; readonly token: IamToken }
  | { readonly kind: 'reject'; readonly requestId: number; readonly problem: Problem }
  /** Keep the token for a restart, and what is known of the clock by which it will be judged then. */
  | ({ readonly kind: 'keep' } & KeptToken)
  /** Ask the cron schedule for the next time and send `schedule_planned`. */
  | { readonly kind: 'plan_schedule' }
  | { readonly kind: 'announce'; readonly event: 'rotated' | 'failing' | 'login_required' };

/** Of a process that begins now. */
export function initialState(now: Instant): LifecycleState {
  return {
    phase: { kind: 'loading' },
    token: null,
    waiting: [],
    scheduledAtMs: null,
    attempts: [],
    attemptsEver: 0,
    trouble: null,
    time: firstSense(now),
  };
}
