import type { EventMessage } from '../../protocol/envelope.ts';
import type { Alarm, Clock, Instant } from '../../shared/clock.ts';
import { IamTokenError, type Problem } from '../../shared/errors.ts';
import type { Hint } from '../../shared/hint.ts';
import type { Log } from '../../shared/log.ts';
import { errorMessage } from '../../shared/error-utils.ts';
import type { Secret } from '../../shared/secret.ts';
import { exchangeAwake } from '../../sources/exchange-awake.ts';
import { transition } from '../../token/lifecycle.ts';
import { isRenewalDue, nextWakeAtMonotonicMs, satisfiesRequest } from '../../token/selectors.ts';
import { type Effect, initialState, type LifecycleEvent, type LifecycleState } from '../../token/state.ts';
import type { Step } from '../../token/step.ts';
import type { ExchangeOutcome, IssuedToken, TokenSource } from '../../token/token-source.ts';
import type { PersistedToken, Token } from '../../token/token.ts';
import type { TokenRequest } from '../../token/waiting-requests.ts';
import { ExchangeCounts } from '../metrics/exchange-counts.ts';

type RequestOutcome<Value> = Extract<Effect<Value>, { readonly kind: 'resolve' | 'reject' }>;
type StartExchangeEffect = Extract<Effect<never>, { readonly kind: 'start_exchange' }>;

export interface ProfileParts<Value = Secret> {
  /** May change: see `ProfileRef`. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The next firing of the profile's cron schedule; `null`: never. */
  readonly getNextScheduledMs: (profile: string, afterMs: number) => number | null;
  readonly formatHint: (hint: Hint, profile: string) => string;
  /** Stores a token for a restart, in the background; absent if the tokens are not stored. */
  readonly persistToken?: (persisted: PersistedToken<Value>) => void;
  readonly announce: (event: EventMessage['event'], profile: Profile<Value>) => void;
  /** Called after each exchange that succeeded, also if IAM has returned the same token again. */
  readonly onRenewal?: (profile: Profile<Value>) => void;
  /** How long a renewal waits for its turn if many are due at once; absent: it does not. */
  readonly takeTurn?: () => number;
}

/** An alarm that is this late means that the machine slept while the monotonic clock went on. */
const lateAlarmMs = 10_000;

/** Runs the lifecycle of one profile: sends it events and applies its effects. `Value` is what its tokens hold. */
export class Profile<Value = Secret> {
  /** Since the start of the daemon. */
  readonly exchangeCounts = new ExchangeCounts();
  readonly #parts: ProfileParts<Value>;
  readonly #alarm: Alarm;
  readonly #pendingRequests = new Map<number, (outcome: RequestOutcome<Value>) => void>();
  #state: LifecycleState<Value>;
  #source: TokenSource<Value> | null = null;
  #exchangeController: AbortController | null = null;
  #alarmAtMonotonicMs: number | null = null;
  #lastRequestId = 0;
  #cancelledRequests = new Set<number>();

  constructor(parts: ProfileParts<Value>) {
    this.#parts = parts;
    this.#state = initialState(parts.clock.now());
    this.#alarm = parts.clock.createAlarm((jumpMs) => this.#handleAlarm(jumpMs));
  }

  get name(): string {
    return this.#parts.name;
  }

  get state(): LifecycleState<Value> {
    return this.#state;
  }

  /** Requests wait for `setCredential` or `removeCredential`. */
  beginLoading(): void {
    this.#dispatch({ kind: 'loading' });
  }

  /** @param turnDelayMs how long a renewal waits that no request needs */
  setCredential(source: TokenSource<Value>, persisted: PersistedToken<Value> | null, turnDelayMs = 0): void {
    this.#source = source;
    this.#dispatch({ kind: 'credential_loaded', persistedToken: persisted, turnDelayMs });
  }

  removeCredential(problem: Problem): void {
    this.#source = null;
    this.#dispatch({ kind: 'credential_missing', problem });
  }

  /** @param startedAt the start of the exchange that verified the credential */
  completeLogin(source: TokenSource<Value>, exchangeResult: IssuedToken<Value>, startedAt: Instant): void {
    this.#source = source;
    this.exchangeCounts.add('success', this.#parts.clock.now().wallMs);
    this.#dispatch({
      kind: 'logged_in',
      issuedToken: exchangeResult,
      startedAt,
      random01: this.#parts.clock.random(),
    });
  }

  /** The token in hand if it stays valid for `minTtlMs`, else `null`. A renewal that is due starts in the background. */
  getValidToken(minTtlMs: number): Token<Value> | null {
    const now = this.#parts.clock.now();
    if (!satisfiesRequest(this.#state, { minTtlMs }, now)) return null;
    // A transition would change nothing while no renewal is due, and most requests end here.
    if (isRenewalDue(this.#state, now)) {
      this.#dispatch({ kind: 'request_received', request: this.#createRequest(minTtlMs, false) }, now);
    }
    return this.#state.token;
  }

  /**
   * The token in hand, else the token of an exchange that all requests share.
   * @throws IamTokenError if there is no token and none can be exchanged now; the reason of `signal` if it aborts
   */
  requestToken(minTtlMs: number, signal: AbortSignal): Promise<Token<Value>> {
    return this.#sendRequest(this.#createRequest(minTtlMs, false), signal);
  }

  /**
   * Counts a request that would be rejected at once.
   * @returns why; `null` if `requestToken` would wait for an exchange or for the store: then nothing is counted
   */
  rejectRequest(minTtlMs: number): Problem | null {
    const { kind } = this.#state.phase;
    if (kind === 'loading' || kind === 'exchanging') return null;
    const request = this.#createRequest(minTtlMs, false);
    const step = transition(this.#state, { kind: 'request_received', request }, this.#parts.clock.now());
    const rejection = step.effects.find((effect) => effect.kind === 'reject');
    if (rejection?.kind !== 'reject') return null;
    this.#apply(step);
    return rejection.problem;
  }

  /** What the service answers without a credential, as `TokenSource.probe`. */
  async probe(): Promise<string | null> {
    return (await this.#source?.probe?.()) ?? null;
  }

  /** The token of a new exchange, or of the one under way; throws as `requestToken` does. */
  requestRefresh(signal: AbortSignal): Promise<Token<Value>> {
    return this.#sendRequest(this.#createRequest(0, true), signal);
  }

  /** Counts an exchange of another lifecycle in the budget of this one. */
  countDerivedExchange(): void {
    this.#dispatch({ kind: 'derived_exchange' });
  }

  /** After a change of the cron schedule. */
  reschedule(): void {
    this.#applyEffect({ kind: 'plan_schedule' });
  }

  /** Rejects all requests, now and later, and ends the lifecycle. */
  stop(): void {
    this.#dispatch({ kind: 'stopping' });
    this.#alarm.cancel();
  }

  #createRequest(minTtlMs: number, isRefresh: boolean): TokenRequest {
    this.#lastRequestId += 1;
    return { requestId: this.#lastRequestId, minTtlMs, isRefresh };
  }

  #sendRequest(request: TokenRequest, signal: AbortSignal): Promise<Token<Value>> {
    const { requestId } = request;
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const cancel = (): void => {
        this.#pendingRequests.delete(requestId);
        this.#cancel(requestId);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', cancel, { once: true });
      this.#pendingRequests.set(requestId, (outcome) => {
        signal.removeEventListener('abort', cancel);
        if (outcome.kind === 'resolve') resolve(outcome.token);
        else reject(new IamTokenError(outcome.problem));
      });
      this.#dispatch({ kind: 'request_received', request });
    });
  }

  /** Together with the others of this tick: a connection may have thousands, and each would take time for all that wait. */
  #cancel(requestId: number): void {
    if (this.#cancelledRequests.size === 0) {
      queueMicrotask(() => {
        this.#dispatch({ kind: 'requests_cancelled', requestIds: this.#cancelledRequests });
        this.#cancelledRequests = new Set();
      });
    }
    this.#cancelledRequests.add(requestId);
  }

  #dispatch(event: LifecycleEvent<Value>, now: Instant = this.#parts.clock.now()): void {
    this.#apply(transition(this.#state, event, now), event.kind === 'timer_fired');
  }

  #apply({ state, effects }: Step<Value>, mustSetAlarm = false): void {
    const previousState = this.#state;
    this.#state = state;
    for (const effect of effects) this.#applyEffect(effect);
    if (this.#state !== previousState || mustSetAlarm) {
      this.#alarmAtMonotonicMs = nextWakeAtMonotonicMs(this.#state, this.#parts.clock.now());
      this.#alarm.set(this.#alarmAtMonotonicMs);
    }
  }

  #handleAlarm(jumpMs: number): void {
    const lateMs = this.#parts.clock.now().monotonicMs - (this.#alarmAtMonotonicMs ?? Infinity);
    const hasSlept = jumpMs > 0 || lateMs >= lateAlarmMs;
    const turnDelayMs = hasSlept ? (this.#parts.takeTurn?.() ?? 0) : 0;
    this.#dispatch({ kind: 'timer_fired', jumpMs, turnDelayMs });
  }

  #applyEffect(effect: Effect<Value>): void {
    switch (effect.kind) {
      case 'start_exchange':
        // Without a credential the lifecycle starts no exchange.
        if (this.#source !== null) void this.#runExchange(this.#source, effect);
        return;
      case 'cancel_exchange':
        this.#exchangeController?.abort();
        this.#exchangeController = null;
        return;
      case 'probe_service':
        if (this.#source !== null) void this.#probeService(this.#source);
        return;
      case 'resolve':
      case 'reject': {
        const settle = this.#pendingRequests.get(effect.requestId);
        this.#pendingRequests.delete(effect.requestId);
        settle?.(effect);
        return;
      }
      case 'persist':
        this.#parts.persistToken?.(effect);
        return;
      case 'plan_schedule': {
        const atMs = this.#parts.getNextScheduledMs(this.name, this.#parts.clock.now().wallMs);
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

  /** Without an answer for a source that cannot tell, or that has been replaced. */
  async #probeService(source: TokenSource<Value>): Promise<void> {
    const answer = await source.probe?.();
    if (answer !== undefined && this.#source === source) this.#dispatch({ kind: 'service_probed', answer });
  }

  async #runExchange(
    source: TokenSource<Value>,
    { attempt, interactive }: StartExchangeEffect,
  ): Promise<void> {
    const { clock, formatHint, log } = this.#parts;
    const controller = new AbortController();
    this.#exchangeController = controller;
    const startedMs = clock.now().monotonicMs;
    const { outcome, startedAt } = await exchangeSafely(source, clock, controller.signal, interactive);
    if (controller.signal.aborted) return;
    this.#exchangeController = null;
    this.exchangeCounts.add(outcome.ok ? 'success' : outcome.failure.kind, clock.now().wallMs);
    // A rename may have changed the name in the meantime.
    const { name } = this;
    const logFields = { profile: name, attempt, tookMs: Math.round(clock.now().monotonicMs - startedMs) };
    if (outcome.ok) {
      log.write('info', 'renewed the IAM token', logFields);
    } else {
      const { kind, message, hint } = outcome.failure;
      log.write('warn', `could not renew the IAM token: ${message}`, { ...logFields, kind });
      const hintLines = kind === 'transient' || hint === undefined ? [] : formatHint(hint, name).split('\n');
      for (const line of hintLines) log.write('warn', `hint: ${line}`, { profile: name });
    }
    this.#dispatch({ kind: 'exchange_ended', attempt, outcome, startedAt, random01: clock.random() });
    if (outcome.ok) this.#parts.onRenewal?.(this);
  }
}

/** A source that throws has a bug: the profile tries again, as after a transient failure. */
async function exchangeSafely<Value>(
  source: TokenSource<Value>,
  clock: Clock,
  signal: AbortSignal,
  interactive: boolean,
): Promise<{ readonly outcome: ExchangeOutcome<Value>; readonly startedAt: Instant }> {
  const startedAt = clock.now();
  try {
    return await exchangeAwake(source, clock, signal, interactive);
  } catch (error) {
    const message = `the exchange failed unexpectedly: ${errorMessage(error)}`;
    return { outcome: { ok: false, failure: { kind: 'transient', message } }, startedAt };
  }
}
