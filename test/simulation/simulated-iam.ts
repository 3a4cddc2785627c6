import type { Clock } from '../../src/shared/clock.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { ExchangeFailure, ExchangeOutcome, IamTokenSource } from '../../src/token/ports.ts';
import { hour, minute, second } from '../support/durations.ts';
import type { Outage, Refusal, Setting } from './plan.ts';
import type { SimulatedTime } from './simulated-time.ts';

export const exchangeTimeoutMs = 8 * second;
export const slowestAnswerMs = 2 * second;

/** What IAM knows of a token: the truth that the daemon is held to. */
export interface Issued {
  readonly value: string;
  readonly endsMs: number;
  /** The credential that it was made from: logins are counted. */
  readonly credential: number;
}

/** Who is told how exchanges begin and end. */
export interface Witness {
  began(interactive: boolean, signal: AbortSignal): void;
  /** Not called for one that was taken back. */
  ended(outcome: ExchangeOutcome, signal: AbortSignal): void;
}

/** IAM and the network on the way to it. */
export class SimulatedIam {
  outage: Outage | null = null;
  refusal: Refusal | null = null;
  retryAfterMs = 0;
  /** The credential that is at work, counted by logins. */
  credential = 0;
  readonly #time: SimulatedTime;
  readonly #setting: Setting;
  readonly #random: () => number;
  readonly #issued = new Map<string, Issued>();
  /** Not more than needed to give an older one. */
  #recent: Issued[] = [];
  #gaveOlder = false;
  #onWaking: (() => void)[] = [];
  /** Only after a success does an answer get lost by chance. */
  #lastWasSuccess = false;

  constructor(time: SimulatedTime, setting: Setting, random: () => number) {
    this.#time = time;
    this.#setting = setting;
    this.#random = random;
  }

  known(value: string): Issued {
    const issued = this.#issued.get(value);
    if (issued === undefined) throw new Error(`IAM never gave ${value}`);
    return issued;
  }

  /**
   * @param settled told after each answer, so that the simulation lets promises run
   */
  source(clock: Clock, credential: number, witness: Witness, settled: () => void): IamTokenSource {
    return {
      exchange: (signal, interactive) =>
        new Promise((resolve) => {
          witness.began(interactive, signal);
          let hasEnded = false;
          const untilMs = clock.now().monotonicMs + exchangeTimeoutMs;
          const deadline = clock.alarm(() => {
            if (clock.now().monotonicMs < untilMs) deadline.set(untilMs);
            else end(transient('no answer within 8 s'));
          });
          const end = (outcome: ExchangeOutcome): void => {
            if (hasEnded) return;
            hasEnded = true;
            deadline.cancel();
            if (!signal.aborted) witness.ended(outcome, signal);
            resolve(outcome);
            settled();
          };
          deadline.set(untilMs);
          signal.addEventListener('abort', () => end(transient('aborted')));
          this.#request(credential, interactive, end);
        }),
    };
  }

  #request(credential: number, interactive: boolean, end: (outcome: ExchangeOutcome) => void): void {
    if (this.outage !== null) this.#lastWasSuccess = false;
    if (this.outage === 'hanging') return;
    const wayMs = 10 + this.#random() * (slowestAnswerMs / 2 - 10);
    this.#time.in(wayMs, () => {
      const outcome = this.#time.isAsleep
        ? transient('the connection was reset')
        : this.#answer(credential, interactive);
      this.#time.in(wayMs, () => this.#deliver(outcome, end));
    });
  }

  /** What comes while the machine sleeps is read on waking, or the connection is gone. */
  #deliver(outcome: ExchangeOutcome, end: (outcome: ExchangeOutcome) => void): void {
    if (!this.#time.isAsleep) return end(outcome);
    const isReset = this.#random() < 0.5;
    this.#onWaking.push(() => end(isReset ? transient('the connection was reset') : outcome));
  }

  woke(): void {
    const woken = this.#onWaking;
    this.#onWaking = [];
    for (const end of woken) this.#time.in(this.#random() * second, end);
  }

  #answer(credential: number, interactive: boolean): ExchangeOutcome {
    switch (this.outage) {
      case 'unreachable':
        return transient('the network is unreachable');
      case 'junk':
        return transient('a proxy answered with HTML');
      case 'busy':
        return this.#failure('transient', 'IAM is busy (code 14)', this.#retryAfter());
      case 'dead_tokens':
        return this.#give(this.#issue(credential, -minute));
      case 'hanging':
      case null:
        return this.#refused(credential, interactive) ?? this.#success(credential);
      default:
        return this.outage satisfies never;
    }
  }

  #refused(credential: number, interactive: boolean): ExchangeOutcome | null {
    const isOfLoginUnderWay = credential > this.credential;
    if (this.refusal === null || isOfLoginUnderWay) return null;
    switch (this.refusal) {
      case 'revoked':
        return this.#failure('terminal', 'OAuth token is invalid or expired (code 16)');
      case 'no_role':
        return this.#failure('terminal', 'Permission denied (code 7)', { mayHeal: true });
      case 'needs_person':
        return interactive ? null : this.#failure('needs_person', 'the session has ended');
      default:
        return this.refusal satisfies never;
    }
  }

  #success(credential: number): ExchangeOutcome {
    const isLost = this.#lastWasSuccess && this.#random() < 0.02;
    this.#lastWasSuccess = !isLost;
    if (isLost) return transient('the connection was reset');
    return this.#give(this.#choose(credential));
  }

  #choose(credential: number): Issued {
    const { sameAgainAboveMs, answersOlder } = this.#setting;
    const own = this.#recent.filter((issued) => issued.credential === credential);
    const last = own.at(-1);
    if (answersOlder && !this.#gaveOlder && this.#random() < 0.1) {
      const older = own.find((issued) => issued.endsMs > this.#time.trueMs + 10 * minute);
      this.#gaveOlder = older !== undefined;
      if (older !== undefined) return older;
    }
    this.#gaveOlder = false;
    if (
      last !== undefined &&
      sameAgainAboveMs !== null &&
      last.endsMs - this.#time.trueMs > sameAgainAboveMs
    ) {
      return last;
    }
    const { lifeMs } = this.#setting;
    return this.#issue(
      credential,
      lifeMs ?? Math.round(10 * minute + this.#random() * (12 * hour - 10 * minute)),
    );
  }

  #issue(credential: number, lifeMs: number): Issued {
    const value = `t1.${this.#issued.size + 1}`;
    const issued: Issued = { value, endsMs: this.#time.trueMs + lifeMs, credential };
    this.#issued.set(value, issued);
    if (lifeMs > 0) this.#recent = [...this.#recent.slice(-4), issued];
    return issued;
  }

  #give({ value, endsMs }: Issued): ExchangeOutcome {
    const exchanged = { token: new Secret(value), expiresAtMs: endsMs, subject: 'ajesimulated' };
    return { ok: true, exchanged: { ...exchanged, ...this.#date() } };
  }

  #failure(
    kind: ExchangeFailure['kind'],
    message: string,
    more: Partial<ExchangeFailure> = {},
  ): ExchangeOutcome {
    return { ok: false, failure: { kind, message, ...more, ...this.#date() } };
  }

  /** Not every machine of a busy service says how long. */
  #retryAfter(): { readonly retryAfterMs?: number } {
    return this.#random() < 0.7 ? { retryAfterMs: this.retryAfterMs } : {};
  }

  /** A `Date` header has whole seconds. */
  #date(): { readonly serverTimeMs?: number } {
    return this.#setting.tellsTime ? { serverTimeMs: Math.floor(this.#time.trueMs / second) * second } : {};
  }
}

function transient(message: string): ExchangeOutcome {
  return { ok: false, failure: { kind: 'transient', message } };
}
