import type { Clock } from '../../src/shared/clock.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { ExchangeFailure, ExchangeOutcome, IamTokenSource } from '../../src/token/token-source.ts';
import { hour, minute, second } from '../support/time/durations.ts';
import type { Outage, CredentialFailure, Setting } from './plan.ts';
import type { SimulatedTime } from './simulated-time.ts';

export const exchangeTimeoutMs = 8 * second;
export const maxResponseMs = 2 * second;
const probeTimeoutMs = 4 * second;

/** A token as IAM issued it, in true time. */
export interface SimulatedToken {
  readonly value: string;
  readonly expiresAtMs: number;
  /** The number of the login whose credential it was issued for. */
  readonly credential: number;
}

export interface ExchangeObserver {
  onStart(interactive: boolean, signal: AbortSignal): void;
  /**
   * Called with the answer to a look without a credential.
   * @returns whether it arrives: its process may have been killed
   */
  onProbe(answer: string | null): boolean;
  /** Not called for an exchange that was aborted. */
  onEnd(outcome: ExchangeOutcome<Secret>, signal: AbortSignal): void;
}

/** IAM and the network. */
export class SimulatedIam {
  outage: Outage | null = null;
  credentialFailure: CredentialFailure | null = null;
  retryAfterMs = 0;
  /** The current credential: the number of the login. */
  credential = 0;
  /** When the daemon last received a token, in true time. */
  lastReceivedAtMs = -Infinity;
  readonly #time: SimulatedTime;
  readonly #setting: Setting;
  readonly #random: () => number;
  readonly #issuedTokens = new Map<string, SimulatedToken>();
  /** The last few, to issue an older one again. */
  #recentTokens: SimulatedToken[] = [];
  #wasLastTokenOlder = false;
  #deferredResponses: (() => void)[] = [];
  /** Responses get lost at random only after a success, so never two in a row. */
  #hasLastSucceeded = false;

  constructor(time: SimulatedTime, setting: Setting, random: () => number) {
    this.#time = time;
    this.#setting = setting;
    this.#random = random;
  }

  lookUpToken(value: string): SimulatedToken {
    const token = this.#issuedTokens.get(value);
    if (token === undefined) throw new Error(`IAM never issued ${value}`);
    return token;
  }

  /** @param onSettled called after each exchange, so that the simulation flushes promises */
  openSource(
    clock: Clock,
    credential: number,
    observer: ExchangeObserver,
    onSettled: () => void,
  ): IamTokenSource {
    return {
      probe: () =>
        new Promise((resolve) => {
          const answer = this.#answerToProbe();
          const delayMs = this.outage === 'hanging' ? probeTimeoutMs : this.#random() * maxResponseMs;
          this.#time.schedule(delayMs, () => {
            const received = this.#time.isAsleep ? null : answer;
            if (!observer.onProbe(received)) return;
            resolve(received);
            onSettled();
          });
        }),
      exchange: (signal, interactive) =>
        new Promise((resolve) => {
          observer.onStart(interactive, signal);
          let hasEnded = false;
          const deadlineMs = clock.now().monotonicMs + exchangeTimeoutMs;
          const timeoutAlarm = clock.createAlarm(() => {
            if (clock.now().monotonicMs < deadlineMs) timeoutAlarm.set(deadlineMs);
            else end(transientFailure('no response within 8 s'));
          });
          const end = (outcome: ExchangeOutcome<Secret>): void => {
            if (hasEnded) return;
            hasEnded = true;
            timeoutAlarm.cancel();
            if (outcome.ok) this.lastReceivedAtMs = this.#time.trueMs;
            if (!signal.aborted) observer.onEnd(outcome, signal);
            resolve(outcome);
            onSettled();
          };
          timeoutAlarm.set(deadlineMs);
          signal.addEventListener('abort', () => end(transientFailure('aborted')));
          this.#sendRequest(credential, interactive, end);
        }),
    };
  }

  #answerToProbe(): string | null {
    if (this.outage === null || this.outage === 'expired_tokens') return 'HTTP 404';
    return this.outage === 'html_page' ? 'HTTP 403' : null;
  }

  #sendRequest(
    credential: number,
    interactive: boolean,
    end: (outcome: ExchangeOutcome<Secret>) => void,
  ): void {
    if (this.outage !== null) this.#hasLastSucceeded = false;
    if (this.outage === 'hanging') return;
    const latencyMs = 10 + this.#random() * (maxResponseMs / 2 - 10);
    this.#time.schedule(latencyMs, () => {
      const outcome = this.#time.isAsleep
        ? transientFailure('the connection was reset')
        : this.#respond(credential, interactive);
      this.#time.schedule(latencyMs, () => this.#deliver(outcome, end));
    });
  }

  /** A response that arrives during sleep is read on waking, unless the connection was reset. */
  #deliver(outcome: ExchangeOutcome<Secret>, end: (outcome: ExchangeOutcome<Secret>) => void): void {
    if (!this.#time.isAsleep) return end(outcome);
    const isReset = this.#random() < 0.5;
    this.#deferredResponses.push(() => end(isReset ? transientFailure('the connection was reset') : outcome));
  }

  deliverDeferredResponses(): void {
    const responses = this.#deferredResponses;
    this.#deferredResponses = [];
    for (const end of responses) this.#time.schedule(this.#random() * second, end);
  }

  #respond(credential: number, interactive: boolean): ExchangeOutcome<Secret> {
    switch (this.outage) {
      case 'unreachable':
        return transientFailure('the network is unreachable');
      case 'html_page':
        return transientFailure('a proxy responded with HTML');
      case 'busy':
        return this.#createFailure('transient', 'IAM is busy (code 14)', this.#retryAfterHeader());
      case 'expired_tokens':
        return this.#createSuccess(this.#issueToken(credential, -minute));
      case 'hanging':
      case null:
        return this.#checkCredential(credential, interactive) ?? this.#respondWithToken(credential);
      default:
        return this.outage satisfies never;
    }
  }

  #checkCredential(credential: number, interactive: boolean): ExchangeOutcome<Secret> | null {
    const isPendingLogin = credential > this.credential;
    if (this.credentialFailure === null || isPendingLogin) return null;
    switch (this.credentialFailure) {
      case 'revoked':
        return this.#createFailure('terminal', 'OAuth token is invalid or expired (code 16)');
      case 'no_role':
        return this.#createFailure('terminal', 'Permission denied (code 7)', { retryOnSchedule: true });
      case 'interaction_required':
        return interactive ? null : this.#createFailure('interaction_required', 'the session has expired');
      default:
        return this.credentialFailure satisfies never;
    }
  }

  #respondWithToken(credential: number): ExchangeOutcome<Secret> {
    const isLost = this.#hasLastSucceeded && this.#random() < 0.02;
    this.#hasLastSucceeded = !isLost;
    if (isLost) return transientFailure('the connection was reset');
    return this.#createSuccess(this.#chooseToken(credential));
  }

  #chooseToken(credential: number): SimulatedToken {
    const { reuseTokenAboveMs, returnsOlderTokens } = this.#setting;
    const ownTokens = this.#recentTokens.filter((token) => token.credential === credential);
    const lastToken = ownTokens.at(-1);
    if (returnsOlderTokens && !this.#wasLastTokenOlder && this.#random() < 0.1) {
      const olderToken = ownTokens.find((token) => token.expiresAtMs > this.#time.trueMs + 10 * minute);
      this.#wasLastTokenOlder = olderToken !== undefined;
      if (olderToken !== undefined) return olderToken;
    }
    this.#wasLastTokenOlder = false;
    if (
      lastToken !== undefined &&
      reuseTokenAboveMs !== null &&
      lastToken.expiresAtMs - this.#time.trueMs > reuseTokenAboveMs
    ) {
      return lastToken;
    }
    const { tokenLifetimeMs } = this.#setting;
    return this.#issueToken(
      credential,
      tokenLifetimeMs ?? Math.round(10 * minute + this.#random() * (12 * hour - 10 * minute)),
    );
  }

  #issueToken(credential: number, tokenLifetimeMs: number): SimulatedToken {
    const value = `t1.${this.#issuedTokens.size + 1}`;
    const token: SimulatedToken = { value, expiresAtMs: this.#time.trueMs + tokenLifetimeMs, credential };
    this.#issuedTokens.set(value, token);
    if (tokenLifetimeMs > 0) this.#recentTokens = [...this.#recentTokens.slice(-4), token];
    return token;
  }

  #createSuccess({ value, expiresAtMs }: SimulatedToken): ExchangeOutcome<Secret> {
    const issuedToken = { value: new Secret(value), expiresAtMs, subject: 'ajesimulated' };
    return { ok: true, issuedToken: { ...issuedToken, ...this.#dateHeader() } };
  }

  #createFailure(
    kind: ExchangeFailure['kind'],
    message: string,
    extra: Partial<ExchangeFailure> = {},
  ): ExchangeOutcome<Secret> {
    return { ok: false, failure: { kind, message, ...extra, ...this.#dateHeader() } };
  }

  /** Not all responses of a busy service have one. */
  #retryAfterHeader(): { readonly retryAfterMs?: number } {
    return this.#random() < 0.7 ? { retryAfterMs: this.retryAfterMs } : {};
  }

  /** A `Date` header has whole seconds. */
  #dateHeader(): { readonly serverTimeMs?: number } {
    return this.#setting.sendsDate ? { serverTimeMs: Math.floor(this.#time.trueMs / second) * second } : {};
  }
}

function transientFailure(message: string): ExchangeOutcome<Secret> {
  return { ok: false, failure: { kind: 'transient', message } };
}
