import type { EventMessage } from '../protocol/messages.ts';
import type { Alarm, Clock, Instant } from '../shared/clock.ts';
import type { Problem } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import { messageOf } from '../shared/thrown.ts';
import type { KeptToken } from '../token/iam-token.ts';
import { transition } from '../token/lifecycle.ts';
import { nextWakeAtMonotonicMs } from '../token/outlook.ts';
import type { Exchanged, ExchangeOutcome, IamTokenSource } from '../token/ports.ts';
import { type Effect, initialState, type LifecycleEvent, type LifecycleState } from '../token/state.ts';

/** The end of a request: a token, or why there is none. */
export type Settle = (settled: Extract<Effect, { readonly kind: 'answer' | 'reject' }>) => void;

type StartExchange = Extract<Effect, { readonly kind: 'start_exchange' }>;

export interface ProfileParts {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The cron schedule of a profile: the first firing after a moment; `null` when it never fires again. */
  readonly nextScheduledAfter: (profile: string, afterMs: number) => number | null;
  /** Keeps a token for a restart; may take its time, and may fail without harm. */
  readonly keep: (kept: KeptToken) => void;
  readonly announce: (event: EventMessage['event'], profile: Profile) => void;
}

/** Runs the lifecycle of one profile: feeds it events and carries out its effects. */
export class Profile {
  readonly name: string;
  readonly #parts: ProfileParts;
  readonly #alarm: Alarm;
  readonly #settles = new Map<number, Settle>();
  #state: LifecycleState;
  #source: IamTokenSource | null = null;
  #exchange: AbortController | null = null;
  #requests = 0;

  constructor(parts: ProfileParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#state = initialState(parts.clock.now());
    this.#alarm = parts.clock.alarm((jumpMs) => this.#dispatch({ kind: 'woke', jumpMs }));
  }

  get state(): LifecycleState {
    return this.#state;
  }

  /** Requests wait until `found` or `missing` follows. */
  loading(): void {
    this.#dispatch({ kind: 'loading' });
  }

  found(source: IamTokenSource, kept: KeptToken | null): void {
    this.#source = source;
    this.#dispatch({ kind: 'credential_found', kept });
  }

  missing(problem: Problem): void {
    this.#source = null;
    this.#dispatch({ kind: 'credential_missing', problem });
  }

  /** @param startedAt when the exchange began that confirmed the credential */
  loggedIn(source: IamTokenSource, exchanged: Exchanged, startedAt: Instant): void {
    this.#source = source;
    this.#dispatch({ kind: 'logged_in', exchanged, startedAt, random01: this.#parts.clock.random() });
  }

  /**
   * Settles at once where it can, else when the exchange under way ends.
   * @returns takes the request back; harmless once it is settled
   */
  token(minTtlMs: number, settle: Settle): () => void {
    return this.#request(settle, minTtlMs, false);
  }

  /** Settles with the outcome of one exchange. */
  refresh(settle: Settle): () => void {
    return this.#request(settle, 0, true);
  }

  /** Asks the cron schedule anew. */
  replan(): void {
    this.#carryOut({ kind: 'plan_schedule' });
  }

  /** Everybody who waits is told so; nothing moves afterwards. */
  stop(): void {
    this.#dispatch({ kind: 'stopping' });
    this.#alarm.cancel();
  }

  #request(settle: Settle, minTtlMs: number, forOutcome: boolean): () => void {
    this.#requests += 1;
    const requestId = this.#requests;
    this.#settles.set(requestId, settle);
    this.#dispatch({ kind: 'requested', request: { requestId, minTtlMs, forOutcome } });
    return () => {
      if (this.#settles.delete(requestId)) this.#dispatch({ kind: 'request_gone', requestId });
    };
  }

  #dispatch(event: LifecycleEvent): void {
    const now = this.#parts.clock.now();
    const before = this.#state;
    const { state, effects } = transition(before, event, now);
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
    if (this.#state !== before || event.kind === 'woke') {
      this.#alarm.set(nextWakeAtMonotonicMs(this.#state, this.#parts.clock.now()));
    }
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'start_exchange':
        // Without a credential the lifecycle starts none.
        if (this.#source !== null) void this.#runExchange(this.#source, effect);
        return;
      case 'cancel_exchange':
        this.#exchange?.abort();
        this.#exchange = null;
        return;
      case 'answer':
      case 'reject': {
        const settle = this.#settles.get(effect.requestId);
        this.#settles.delete(effect.requestId);
        settle?.(effect);
        return;
      }
      case 'keep':
        this.#parts.keep(effect);
        return;
      case 'plan_schedule': {
        const atMs = this.#parts.nextScheduledAfter(this.name, this.#parts.clock.now().wallMs);
        if (atMs !== null) this.#dispatch({ kind: 'schedule_planned', atMs });
        return;
      }
      case 'announce':
        this.#parts.announce(effect.event, this);
        return;
      default:
        effect satisfies never;
    }
  }

  async #runExchange(source: IamTokenSource, { attempt, interactive }: StartExchange): Promise<void> {
    const { clock, log, name } = this.#parts;
    const controller = new AbortController();
    this.#exchange = controller;
    const startedMs = clock.now().monotonicMs;
    const outcome = await exchangeOf(source, controller.signal, interactive);
    if (controller.signal.aborted) return;
    this.#exchange = null;
    const about = { profile: name, attempt, tookMs: Math.round(clock.now().monotonicMs - startedMs) };
    if (outcome.ok) {
      log.write('info', 'renewed the IAM token', about);
    } else {
      const { kind, message, hint } = outcome.failure;
      log.write('warn', `could not renew the IAM token: ${message}`, { ...about, kind });
      const toDo = kind === 'transient' ? [] : (hint?.split('\n') ?? []);
      for (const line of toDo) log.write('warn', `what to do: ${line}`, { profile: name });
    }
    this.#dispatch({ kind: 'exchange_ended', attempt, outcome, random01: clock.random() });
  }
}

/** A source that throws has a bug; the profile lives on and tries again. */
async function exchangeOf(
  source: IamTokenSource,
  signal: AbortSignal,
  interactive: boolean,
): Promise<ExchangeOutcome> {
  try {
    return await source.exchange(signal, interactive);
  } catch (error) {
    const message = `the exchange failed unexpectedly: ${messageOf(error)}`;
    return { ok: false, failure: { kind: 'transient', message } };
  }
}
