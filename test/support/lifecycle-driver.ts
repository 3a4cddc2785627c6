import { Secret } from '../../src/shared/secret.ts';
import type { Instant } from '../../src/shared/clock.ts';
import type { ErrorCode, Problem } from '../../src/shared/errors.ts';
import type { IamToken } from '../../src/token/iam-token.ts';
import { transition } from '../../src/token/lifecycle.ts';
import { nextWakeAtMonotonicMs } from '../../src/token/outlook.ts';
import type { Exchanged, ExchangeFailure, ExchangeOutcome } from '../../src/token/ports.ts';
import {
  type Effect,
  initialState,
  type LifecycleEvent,
  type LifecycleState,
} from '../../src/token/state.ts';
import { hour, second } from './durations.ts';

/** What became of a request: the token's value, or why there is none. */
export type Reply = { readonly token: string } | { readonly code: ErrorCode; readonly problem: Problem };

/** Lives through a story with the real lifecycle: holds its state and the time, and lets the alarm ring. */
export class LifecycleDriver {
  state: LifecycleState;
  /** IAM's time. */
  trueMs = Date.UTC(2026, 10, 24, 12);
  /** How far the local wall clock is ahead of IAM's. */
  clockErrorMs = 0;
  monotonicMs = 1_000_000;
  /** Whether IAM's answers have a `Date`. */
  iamTellsTime = true;
  /** The cron schedule; none unless a story sets one. */
  schedule: (afterMs: number) => number | null = () => null;
  /** Every effect so far. */
  readonly effects: Effect[] = [];
  readonly replies = new Map<number, Reply>();
  #requests = 0;
  #running: number | null = null;

  constructor() {
    this.state = initialState(this.now);
  }

  get now(): Instant {
    return { wallMs: this.trueMs + this.clockErrorMs, monotonicMs: this.monotonicMs };
  }

  /** Exchanges started so far. */
  get exchanges(): number {
    return this.all('start_exchange').length;
  }

  get isExchanging(): boolean {
    return this.state.phase.kind === 'exchanging';
  }

  all<K extends Effect['kind']>(kind: K): readonly Extract<Effect, { kind: K }>[] {
    return this.effects.filter((effect): effect is Extract<Effect, { kind: K }> => effect.kind === kind);
  }

  send(event: LifecycleEvent): readonly Effect[] {
    const { state, effects } = transition(this.state, event, this.now);
    this.state = state;
    for (const effect of effects) this.#carryOut(effect);
    return effects;
  }

  /** Awake time: both clocks run, and the alarm rings as often as it wants to. */
  pass(ms: number): void {
    const end = this.monotonicMs + ms;
    for (let rings = 0; ; rings += 1) {
      const wake = nextWakeAtMonotonicMs(this.state, this.now);
      if (wake === null || wake > end) break;
      if (rings > 10_000) throw new Error('the alarm rings without an end');
      this.#advance(Math.max(Math.ceil(wake) - this.monotonicMs, 0));
      this.send({ kind: 'woke', jumpMs: 0 });
    }
    this.#advance(end - this.monotonicMs);
  }

  /** The monotonic clock stands still; on waking, the alarm notices. */
  sleep(ms: number): void {
    this.trueMs += ms;
    this.send({ kind: 'woke', jumpMs: ms });
  }

  /** Somebody sets the wall clock. */
  setClock(errorMs: number, { noticed } = { noticed: true }): void {
    const jumpMs = errorMs - this.clockErrorMs;
    this.clockErrorMs = errorMs;
    if (noticed) this.send({ kind: 'woke', jumpMs });
  }

  find(token: IamToken | null = null, clockOffsetMs = 0): void {
    this.send({ kind: 'credential_found', kept: token === null ? null : { token, clockOffsetMs } });
  }

  /** The wall clock was wrong when the process began. */
  beginWithClock(errorMs: number): void {
    this.clockErrorMs = errorMs;
    this.state = initialState(this.now);
  }

  /** A credential is found, and its first exchange succeeds. */
  start(exchanged: Partial<Exchanged> = {}): void {
    this.find();
    this.succeed(exchanged);
  }

  /** A new process with what the last one kept: another monotonic clock, and no memory. */
  restart(): void {
    const last = this.all('keep').at(-1);
    this.monotonicMs = 5_000;
    this.state = initialState(this.now);
    this.#running = null;
    this.find(last?.token ?? null, last?.clockOffsetMs ?? 0);
  }

  ask(minTtlMs = 0, forOutcome = false): number {
    this.#requests += 1;
    this.send({ kind: 'requested', request: { requestId: this.#requests, minTtlMs, forOutcome } });
    return this.#requests;
  }

  refresh(): number {
    return this.ask(0, true);
  }

  logIn(exchanged: Partial<Exchanged> = {}, startedAt: Instant = this.now): void {
    this.send({ kind: 'logged_in', exchanged: this.exchanged(exchanged), startedAt, random01: 0.5 });
  }

  /** The exchange under way ends well: by default with a token of twelve hours and IAM's time. */
  succeed(exchanged: Partial<Exchanged> = {}): void {
    this.#end({ ok: true, exchanged: this.exchanged(exchanged) });
  }

  fail(failure: Partial<ExchangeFailure> = {}, random01 = 0.5): void {
    const whole: ExchangeFailure = { kind: 'transient', message: 'the network is down', ...failure };
    this.#end({ ok: false, failure: whole }, random01);
  }

  #end(outcome: ExchangeOutcome, random01 = 0.5): void {
    this.send({ kind: 'exchange_ended', attempt: this.#attempt(), outcome, random01 });
  }

  exchanged(partly: Partial<Exchanged> = {}): Exchanged {
    return {
      token: new Secret(`t1.${this.state.attemptsEver}`),
      expiresAtMs: this.trueMs + 12 * hour,
      subject: 'ajesubject',
      ...(this.iamTellsTime ? { serverTimeMs: this.trueMs } : {}),
      ...partly,
    };
  }

  reply(requestId: number): Reply {
    const reply = this.replies.get(requestId);
    if (reply === undefined) throw new Error(`request ${requestId} still waits`);
    return reply;
  }

  /** The token that a request of now gets, or the error's code; it must not wait. */
  served(minTtlMs = 0): string {
    const reply = this.reply(this.ask(minTtlMs));
    return 'token' in reply ? reply.token : reply.code;
  }

  /** Awake for so long, with IAM failing each attempt at once and a request every `everyMs`. */
  outage(ms: number, everyMs = second): void {
    for (let passed = 0; passed < ms; passed += everyMs) {
      this.pass(everyMs);
      if (this.isExchanging) this.fail();
      this.ask();
      if (this.isExchanging) this.fail();
    }
  }

  #attempt(): number {
    if (this.#running === null) throw new Error('no exchange is under way');
    const attempt = this.#running;
    this.#running = null;
    return attempt;
  }

  #advance(ms: number): void {
    this.trueMs += ms;
    this.monotonicMs += ms;
  }

  #carryOut(effect: Effect): void {
    this.effects.push(effect);
    if (effect.kind === 'start_exchange') {
      if (this.#running !== null) throw new Error('two exchanges at once');
      this.#running = effect.attempt;
    } else if (effect.kind === 'cancel_exchange') {
      this.#running = null;
    } else if (effect.kind === 'answer') {
      this.#settle(effect.requestId, { token: effect.token.value.expose() });
    } else if (effect.kind === 'reject') {
      this.#settle(effect.requestId, { code: effect.problem.code, problem: effect.problem });
    } else if (effect.kind === 'plan_schedule') {
      const atMs = this.schedule(this.now.wallMs);
      if (atMs !== null) this.send({ kind: 'schedule_planned', atMs });
    }
  }

  #settle(requestId: number, reply: Reply): void {
    if (this.replies.has(requestId)) throw new Error(`request ${requestId} is answered twice`);
    this.replies.set(requestId, reply);
  }
}
