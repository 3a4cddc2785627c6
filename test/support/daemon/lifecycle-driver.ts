import { Secret } from '../../../src/shared/secret.ts';
import type { Instant } from '../../../src/shared/clock.ts';
import type { ErrorCode, Problem } from '../../../src/shared/errors.ts';
import type { IamToken } from '../../../src/token/token.ts';
import { transition } from '../../../src/token/lifecycle.ts';
import { nextWakeAtMonotonicMs } from '../../../src/token/selectors.ts';
import type { IssuedToken, ExchangeFailure, ExchangeOutcome } from '../../../src/token/token-source.ts';
import {
  type Effect,
  initialState,
  type LifecycleEvent,
  type LifecycleState,
} from '../../../src/token/state.ts';
import { hour, second } from '../time/durations.ts';

/** The outcome of a request: the value of the token, or the error. */
export type RequestOutcome =
  { readonly token: string } | { readonly code: ErrorCode; readonly problem: Problem };

/** Drives the real lifecycle: holds its state and the time, and fires its alarm. */
export class LifecycleDriver {
  state: LifecycleState<Secret>;
  /** The time of IAM. */
  serverMs = Date.UTC(2026, 10, 24, 12);
  /** How far the local wall clock is ahead of IAM. */
  clockErrorMs = 0;
  monotonicMs = 1_000_000;
  /** Whether responses of IAM have a `Date`. */
  serverSendsDate = true;
  /** The cron schedule; none unless a test sets one. */
  schedule: (afterMs: number) => number | null = () => null;
  /** Every effect so far. */
  readonly effects: Effect<Secret>[] = [];
  readonly outcomes = new Map<number, RequestOutcome>();
  #lastRequestId = 0;
  #running: { readonly attempt: number; readonly startedAt: Instant } | null = null;

  constructor() {
    this.state = initialState(this.now);
  }

  get now(): Instant {
    return { wallMs: this.serverMs + this.clockErrorMs, monotonicMs: this.monotonicMs };
  }

  /** Exchanges started so far. */
  get exchanges(): number {
    return this.effectsOfKind('start_exchange').length;
  }

  get isExchanging(): boolean {
    return this.state.phase.kind === 'exchanging';
  }

  effectsOfKind<K extends Effect<Secret>['kind']>(kind: K): readonly Extract<Effect<Secret>, { kind: K }>[] {
    return this.effects.filter(
      (effect): effect is Extract<Effect<Secret>, { kind: K }> => effect.kind === kind,
    );
  }

  send(event: LifecycleEvent<Secret>): readonly Effect<Secret>[] {
    const { state, effects } = transition(this.state, event, this.now);
    this.state = state;
    for (const effect of effects) this.#applyEffect(effect);
    return effects;
  }

  /** Advances both clocks, and fires the alarm whenever it is due. */
  passTime(ms: number): void {
    const endMs = this.monotonicMs + ms;
    for (let wakeCount = 0; ; wakeCount += 1) {
      const wake = nextWakeAtMonotonicMs(this.state, this.now);
      if (wake === null || wake > endMs) break;
      if (wakeCount > 10_000) throw new Error('the alarm never stops firing');
      this.#advance(Math.max(Math.ceil(wake) - this.monotonicMs, 0));
      this.send({ kind: 'timer_fired', jumpMs: 0 });
    }
    this.#advance(endMs - this.monotonicMs);
  }

  /** Suspends the machine: only the wall clock advances, and the alarm reports the jump on waking. */
  suspend(ms: number, turnDelayMs = 0): void {
    this.serverMs += ms;
    this.send({ kind: 'timer_fired', jumpMs: ms, turnDelayMs });
  }

  /** Sets the wall clock. */
  setClock(errorMs: number, { noticed: isNoticed } = { noticed: true }): void {
    const jumpMs = errorMs - this.clockErrorMs;
    this.clockErrorMs = errorMs;
    if (isNoticed) this.send({ kind: 'timer_fired', jumpMs });
  }

  loadCredential(token: IamToken | null = null, clockOffsetMs = 0, turnDelayMs = 0): void {
    this.send({
      kind: 'credential_loaded',
      persistedToken: token === null ? null : { token, clockOffsetMs },
      turnDelayMs,
    });
  }

  /** Starts the process with a wrong wall clock. */
  startWithClockError(errorMs: number): void {
    this.clockErrorMs = errorMs;
    this.state = initialState(this.now);
  }

  /** Loads a credential, whose first exchange succeeds. */
  startWithCredential(exchanged: Partial<IssuedToken<Secret>> = {}): void {
    this.loadCredential();
    this.succeed(exchanged);
  }

  /** Starts a new process with the persisted state of the last one and another monotonic clock. */
  restart(): void {
    const lastPersisted = this.effectsOfKind('persist').at(-1);
    this.monotonicMs = 5_000;
    this.state = initialState(this.now);
    this.#running = null;
    this.loadCredential(lastPersisted?.token ?? null, lastPersisted?.clockOffsetMs ?? 0);
  }

  request(minTtlMs = 0, forOutcome = false): number {
    this.#lastRequestId += 1;
    this.send({
      kind: 'request_received',
      request: { requestId: this.#lastRequestId, minTtlMs, isRefresh: forOutcome },
    });
    return this.#lastRequestId;
  }

  refresh(): number {
    return this.request(0, true);
  }

  logIn(exchanged: Partial<IssuedToken<Secret>> = {}, startedAt: Instant = this.now): void {
    this.send({ kind: 'logged_in', issuedToken: this.exchanged(exchanged), startedAt, random01: 0.5 });
  }

  /** Ends the current exchange, by default with a token of twelve hours and the time of IAM. */
  succeed(exchanged: Partial<IssuedToken<Secret>> = {}): void {
    this.#endExchange({ ok: true, issuedToken: this.exchanged(exchanged) });
  }

  fail(failure: Partial<ExchangeFailure> = {}, random01 = 0.5): void {
    const completeFailure: ExchangeFailure = {
      kind: 'transient',
      message: 'the network is down',
      ...failure,
    };
    this.#endExchange({ ok: false, failure: completeFailure }, random01);
  }

  #endExchange(outcome: ExchangeOutcome<Secret>, random01 = 0.5): void {
    if (this.#running === null) throw new Error('no exchange is running');
    const running = this.#running;
    this.#running = null;
    this.send({ kind: 'exchange_ended', ...running, outcome, random01 });
  }

  exchanged(overrides: Partial<IssuedToken<Secret>> = {}): IssuedToken<Secret> {
    return {
      value: new Secret(`t1.${this.state.totalAttempts}`),
      expiresAtMs: this.serverMs + 12 * hour,
      subject: 'ajesubject',
      ...(this.serverSendsDate ? { serverTimeMs: this.serverMs } : {}),
      ...overrides,
    };
  }

  outcome(requestId: number): RequestOutcome {
    const outcome = this.outcomes.get(requestId);
    if (outcome === undefined) throw new Error(`request ${requestId} is still pending`);
    return outcome;
  }

  /** The token or the error code of a request that is answered at once. */
  requestToken(minTtlMs = 0): string {
    const outcome = this.outcome(this.request(minTtlMs));
    return 'token' in outcome ? outcome.token : outcome.code;
  }

  /** Passes time while IAM fails each attempt at once, with a request every `everyMs`. */
  simulateOutage(ms: number, everyMs = second): void {
    for (let elapsedMs = 0; elapsedMs < ms; elapsedMs += everyMs) {
      this.passTime(everyMs);
      if (this.isExchanging) this.fail();
      this.request();
      if (this.isExchanging) this.fail();
    }
  }

  #advance(ms: number): void {
    this.serverMs += ms;
    this.monotonicMs += ms;
  }

  #applyEffect(effect: Effect<Secret>): void {
    this.effects.push(effect);
    if (effect.kind === 'start_exchange') {
      if (this.#running !== null) throw new Error('two exchanges at once');
      this.#running = { attempt: effect.attempt, startedAt: this.now };
    } else if (effect.kind === 'cancel_exchange') {
      this.#running = null;
    } else if (effect.kind === 'resolve') {
      this.#recordOutcome(effect.requestId, { token: effect.token.value.expose() });
    } else if (effect.kind === 'reject') {
      this.#recordOutcome(effect.requestId, { code: effect.problem.code, problem: effect.problem });
    } else if (effect.kind === 'plan_schedule') {
      const atMs = this.schedule(this.now.wallMs);
      if (atMs !== null) this.send({ kind: 'schedule_planned', atMs });
    }
  }

  #recordOutcome(requestId: number, outcome: RequestOutcome): void {
    if (this.outcomes.has(requestId)) throw new Error(`request ${requestId} is answered twice`);
    this.outcomes.set(requestId, outcome);
  }
}
