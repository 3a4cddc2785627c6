import type { Instant } from '../../src/shared/clock.ts';
import type { Secret } from '../../src/shared/secret.ts';
import { hasSleptSince } from '../../src/sources/exchange-awake.ts';
import type { ExchangeTrigger } from '../../src/token/budget.ts';
import type { ExchangeOutcome } from '../../src/token/token-source.ts';
import { hour, minute, second } from '../support/time/durations.ts';
import { exchangeTimeoutMs, maxResponseMs } from './simulated-iam.ts';
import { maxTimerMs, type SimulatedTime } from './simulated-time.ts';

/** One exchange that is lost, and a second one. */
export const exchangeGraceMs = maxResponseMs + second + maxResponseMs;
/** The backoff without a token is at most 5 minutes. */
export const backoffGraceMs = 5 * minute + exchangeTimeoutMs + exchangeGraceMs;
/** The jump is noticed, the exchange in progress times out, and the next one succeeds. */
export const wakeGraceMs = maxTimerMs + exchangeTimeoutMs + second + exchangeGraceMs;

/**
 * Limit on successful exchanges in an hour that only renewal caused. Normally there are at most 7; the backoff from
 * tokens that have expired on arrival makes 24, and 8 more at its start.
 */
const maxIssuedPerHour = 50;
/** Six at once, one each two minutes, six for changed answers of the service, and six for a `minTtl`. */
const maxRequestStartsPerTenMinutes = 6 + 5 + 6 + 6;
/** Lifetimes in whole seconds, and the clock they count from, are inexact by this much. */
const expiryToleranceMs = 5 * second;

export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

interface ExchangeStart {
  readonly atMonotonicMs: number;
  readonly trigger: ExchangeTrigger;
}

/**
 * The promises of the design, checked against the true time and what went over the wire, not against the daemon's own
 * state. The first one that is broken is in `error`.
 */
export class Invariants {
  error: InvariantError | null = null;
  expiredServed = 0;
  served = 0;
  exchanges = 0;
  readonly #time: SimulatedTime;
  readonly #scheduleMs: number | null;
  readonly #history: { readonly atMs: number; readonly line: string }[] = [];
  #starts: ExchangeStart[] = [];
  #activeSignals: AbortSignal[] = [];
  #startedAt: Instant = { wallMs: 0, monotonicMs: 0 };
  /** The next exchange repeats one that was rejected after sleep (`exchangeAwake`). */
  #isRepeatDue = false;
  #isRepeat = false;
  /** Of the looks at the service since the last success: the last two. */
  #probeAnswers: readonly (string | null)[] = [];
  #lastPermanentFailure: 'terminal' | 'interaction_required' | 'code_7' | null = null;
  #retryAfterUntilMs = 0;
  /** As `#retryAfterUntilMs`, but 0 after a jump of the clock ahead, which looks like sleep to the daemon. */
  #earliestExchangeMs = 0;
  #scheduleFirings = 0;
  #issuedAtMonotonicMs: number[] = [];
  /** Expiry of the last token served that was issued for the current credential. */
  #lastServedExpiryMs = 0;
  /** Awake time from which the daemon must have a valid token. */
  #stableFromAwakeMs = 0;

  constructor(time: SimulatedTime, scheduleMs: number | null) {
    this.#time = time;
    this.#scheduleMs = scheduleMs;
  }

  /** For the history that an error shows. */
  note(line: string): void {
    this.#history.push({ atMs: this.#time.trueMs, line });
    if (this.#history.length > 60) this.#history.splice(0, 30);
  }

  fail(message: string): void {
    if (this.error !== null) return;
    this.note(`BROKEN: ${message}`);
    const history = this.#history
      .slice(-30)
      .map(({ atMs, line }) => `${new Date(atMs).toISOString()} ${line}`);
    this.error = new InvariantError(`${message}\n${history.join('\n')}`);
  }

  /** A new process has no memory of failures and attempts. */
  recordProcessStart(): void {
    this.#starts = [];
    this.#activeSignals = [];
    this.#isRepeatDue = false;
    this.#lastPermanentFailure = null;
    this.#clearRetryAfter();
    this.#scheduleFirings = 0;
    this.#lastServedExpiryMs = 0;
    this.#issuedAtMonotonicMs = [];
    this.#probeAnswers = [];
  }

  recordLogin(): void {
    this.#lastPermanentFailure = null;
    this.#lastServedExpiryMs = 0;
    this.#clearRetryAfter();
  }

  /** The cron schedule fired, or a firing was skipped during sleep. */
  recordScheduleFiring(): void {
    this.#scheduleFirings += 1;
  }

  recordForwardJump(): void {
    this.#earliestExchangeMs = 0;
  }

  recordExchangeStart(trigger: ExchangeTrigger, signal: AbortSignal): void {
    this.exchanges += 1;
    const now = this.#time.monotonicMs;
    this.note(`exchange started (${trigger})`);
    this.#activeSignals = this.#activeSignals.filter((other) => !other.aborted);
    if (this.#activeSignals.length > 0) this.fail('two exchanges at once');
    this.#activeSignals.push(signal);
    this.#startedAt = { wallMs: this.#time.wallMs, monotonicMs: now };
    this.#isRepeat = this.#isRepeatDue;
    this.#isRepeatDue = false;
    if (this.#isRepeat) return;
    this.#starts = this.#starts.filter(({ atMonotonicMs }) => atMonotonicMs > now - hour);
    const automaticStarts = this.#starts.filter((start) => start.trigger !== 'user');
    if (trigger === 'user') {
      this.#starts.push({ atMonotonicMs: now, trigger });
      return;
    }
    if (automaticStarts.length >= 60) this.fail('more than 60 exchanges in an hour');
    if (trigger === 'min_ttl') this.#checkMinTtlLimits(now);
    if (trigger !== 'renewal') this.#checkRequestLimits(now);
    if (trigger === 'probe' && this.#probeAnswers[0] === this.#probeAnswers[1])
      this.fail('an exchange because of an answer that did not change');
    if (this.#time.trueMs < this.#earliestExchangeMs) this.fail('an exchange before the Retry-After');
    if (this.#lastPermanentFailure === 'terminal')
      this.fail('an automatic exchange after a terminal failure');
    if (this.#lastPermanentFailure === 'interaction_required')
      this.fail('an automatic exchange that requires interaction');
    if (this.#lastPermanentFailure === 'code_7' && this.#scheduleFirings === 0)
      this.fail('an exchange outside the schedule while the role is missing');
    this.#scheduleFirings = 0;
    this.#starts.push({ atMonotonicMs: now, trigger });
  }

  #checkRequestLimits(now: number): void {
    const requestStarts = this.#starts.filter(
      (start) => start.trigger !== 'user' && start.trigger !== 'renewal',
    );
    if (requestStarts.length >= 30) this.fail('more than 30 exchanges in an hour for requests');
    const lastStarts = requestStarts.filter(({ atMonotonicMs }) => atMonotonicMs > now - 10 * minute);
    if (lastStarts.length >= maxRequestStartsPerTenMinutes)
      this.fail('the exchanges for requests are not spread over the hour');
  }

  recordProbe(answer: string | null): void {
    this.note(`the service answers a look with ${answer ?? 'nothing'}`);
    this.#probeAnswers = [this.#probeAnswers.at(-1) ?? null, answer];
  }

  #checkMinTtlLimits(now: number): void {
    const minTtlStarts = this.#starts.filter((start) => start.trigger === 'min_ttl');
    if (minTtlStarts.length >= 6) this.fail('more than 6 exchanges in an hour for a minTtl');
    const lastStart = minTtlStarts.at(-1);
    if (lastStart !== undefined && now - lastStart.atMonotonicMs < minute)
      this.fail('two exchanges in a minute for a minTtl');
  }

  recordExchangeEnd(outcome: ExchangeOutcome<Secret>, signal: AbortSignal): void {
    this.#activeSignals = this.#activeSignals.filter((other) => other !== signal);
    this.note(
      outcome.ok
        ? `IAM issued ${outcome.issuedToken.value.expose()}`
        : `exchange failed: ${outcome.failure.message}`,
    );
    if (outcome.ok) {
      this.#probeAnswers = [];
      this.#recordIssuedToken();
      this.#lastPermanentFailure = null;
      this.#clearRetryAfter();
      return;
    }
    const { kind, retryOnSchedule, retryAfterMs = 0 } = outcome.failure;
    if (kind === 'terminal' && hasSleptSince(this.#startedAt, this.#time)) {
      this.#lastPermanentFailure = null;
      this.#isRepeatDue = !this.#isRepeat;
      return;
    }
    this.#lastPermanentFailure = kind === 'transient' ? null : retryOnSchedule === true ? 'code_7' : kind;
    this.#scheduleFirings = 0;
    if (kind !== 'transient') {
      this.#clearRetryAfter();
      // The role may have been granted before the response arrived.
      this.allowRecovery(0);
      return;
    }
    this.#retryAfterUntilMs = Math.max(
      this.#retryAfterUntilMs,
      this.#time.trueMs + Math.min(retryAfterMs, hour),
    );
    this.#earliestExchangeMs = Math.max(
      this.#earliestExchangeMs,
      this.#time.trueMs + Math.min(retryAfterMs, hour),
    );
  }

  #clearRetryAfter(): void {
    this.#retryAfterUntilMs = 0;
    this.#earliestExchangeMs = 0;
  }

  #recordIssuedToken(): void {
    const { monotonicMs } = this.#time;
    this.#issuedAtMonotonicMs = this.#issuedAtMonotonicMs.filter((atMs) => atMs > monotonicMs - hour);
    if (this.#starts.at(-1)?.trigger === 'renewal') this.#issuedAtMonotonicMs.push(monotonicMs);
    if (this.#issuedAtMonotonicMs.length > maxIssuedPerHour)
      this.fail('too many exchanges, although they succeed');
  }

  /** A login, a logout and a stop must cancel the exchange in progress. */
  assertNoActiveExchange(action: string): void {
    if (this.#activeSignals.some((signal) => !signal.aborted))
      this.fail(`an exchange continues after ${action}`);
  }

  /** @param expiresAtMs in true time */
  recordServedToken(expiresAtMs: number, isClockCorrect: boolean): void {
    this.served += 1;
    // If two expire within seconds of each other, the newer one is right.
    if (expiresAtMs < this.#lastServedExpiryMs - expiryToleranceMs)
      this.fail('an older token was served after a newer one');
    this.#lastServedExpiryMs = expiresAtMs;
    const timeLeftMs = expiresAtMs - this.#time.trueMs;
    if (timeLeftMs <= 0) {
      this.expiredServed += 1;
      this.fail(`a token was served ${-timeLeftMs} ms after its expiry`);
    } else if (isClockCorrect && timeLeftMs <= minute) {
      this.fail(`a token was served in its last minute, ${timeLeftMs} ms before its expiry`);
    }
  }

  /** Gives the daemon this much awake time to get a valid token. */
  allowRecovery(graceMs: number): void {
    const isRetriedOnSchedule = this.#lastPermanentFailure === 'code_7' && this.#scheduleMs !== null;
    const maxGraceMs = isRetriedOnSchedule ? Math.max(graceMs, this.#scheduleMs + wakeGraceMs) : graceMs;
    this.#stableFromAwakeMs = Math.max(this.#stableFromAwakeMs, this.#time.awakeMs + maxGraceMs);
  }

  /** Whether the daemon must have a valid token now, provided that its environment is healthy. */
  get isStable(): boolean {
    if (this.#lastPermanentFailure === 'terminal' || this.#lastPermanentFailure === 'interaction_required')
      this.allowRecovery(0);
    return (
      this.#time.awakeMs > this.#stableFromAwakeMs &&
      this.#time.trueMs > this.#retryAfterUntilMs + exchangeGraceMs &&
      this.#time.monotonicMs > this.#budgetExhaustedUntilMs + exchangeGraceMs
    );
  }

  get #budgetExhaustedUntilMs(): number {
    const automaticStarts = this.#starts.filter((start) => start.trigger !== 'user');
    const sixtiethLastStart = automaticStarts.at(-60);
    return sixtiethLastStart === undefined ? 0 : sixtiethLastStart.atMonotonicMs + hour;
  }

  /** For a healthy environment that is stable. */
  assertValidToken(expiresAtMs: number | null, isClockCorrect: boolean): void {
    const timeLeftMs = expiresAtMs === null ? 0 : expiresAtMs - this.#time.trueMs;
    if (timeLeftMs <= (isClockCorrect ? minute : 0)) {
      this.fail(`no valid token, although IAM can be reached (${timeLeftMs} ms left)`);
    }
  }
}
