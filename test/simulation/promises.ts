import type { Cause } from '../../src/token/budget.ts';
import type { ExchangeOutcome } from '../../src/token/ports.ts';
import { hour, minute, second } from '../support/durations.ts';
import { exchangeTimeoutMs, slowestAnswerMs } from './simulated-iam.ts';
import { longestTimerMs, type SimulatedTime } from './simulated-time.ts';

/** One exchange is lost on the way, and the next one is not. */
export const exchangeGraceMs = slowestAnswerMs + second + slowestAnswerMs;
/** The backoff without a token is 5 minutes at most. */
export const backoffGraceMs = 5 * minute + exchangeTimeoutMs + exchangeGraceMs;
/** A jump is noticed; what hangs is given up, and tried again. */
export const wakingGraceMs = longestTimerMs + exchangeTimeoutMs + second + exchangeGraceMs;

/**
 * Answered exchanges in an hour that nobody asked for and no request caused. While all is well there are 7 at most;
 * the backoff from tokens that are dead on arrival comes to 24, and 8 more at its beginning.
 */
const answeredAtMost = 50;
/** What a life told in whole seconds may be off by, and a clock beside it. */
const sameEndWithinMs = 5 * second;

/** A promise of the design that was broken. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

/** Of one process. */
interface Start {
  readonly atMonotonicMs: number;
  readonly cause: Cause;
}

/**
 * What the daemon has promised, judged by the true time and by what went over the wire, and not by its own state.
 * The first broken promise is kept in `broken`.
 */
export class Promises {
  broken: BrokenPromise | null = null;
  expiredServed = 0;
  served = 0;
  exchanges = 0;
  readonly #time: SimulatedTime;
  readonly #scheduleMs: number | null;
  readonly #diary: { readonly atMs: number; readonly line: string }[] = [];
  #starts: Start[] = [];
  #running: AbortSignal[] = [];
  #saidNo: 'terminal' | 'needs_person' | 'code_7' | null = null;
  /** The service's Retry-After; a clock that ran ahead may make the daemon believe that it is over. */
  #peaceUntilMs = 0;
  #mayAskFromMs = 0;
  #firings = 0;
  #gaveAtMonotonicMs: number[] = [];
  /** The end of the last token served of this credential. */
  #servedEndsMs = 0;
  /** Awake time from which on a living token has to be in hand. */
  #calmFromAwakeMs = 0;

  constructor(time: SimulatedTime, scheduleMs: number | null) {
    this.#time = time;
    this.#scheduleMs = scheduleMs;
  }

  /** Writes down what happened, to be read when a promise is broken. */
  note(line: string): void {
    this.#diary.push({ atMs: this.#time.trueMs, line });
    if (this.#diary.length > 60) this.#diary.splice(0, 30);
  }

  break(what: string): void {
    if (this.broken !== null) return;
    this.note(`BROKEN: ${what}`);
    const diary = this.#diary.slice(-30).map(({ atMs, line }) => `${new Date(atMs).toISOString()} ${line}`);
    this.broken = new BrokenPromise(`${what}\n${diary.join('\n')}`);
  }

  /** A new process: it knows nothing of what the last one was told. */
  processStarted(): void {
    this.#starts = [];
    this.#running = [];
    this.#saidNo = null;
    this.#peaceIsOver();
    this.#firings = 0;
    this.#servedEndsMs = 0;
    this.#gaveAtMonotonicMs = [];
  }

  loggedIn(): void {
    this.#saidNo = null;
    this.#servedEndsMs = 0;
    this.#peaceIsOver();
  }

  /** The cron schedule fired, or sleep went over its firing: it is planned anew. */
  scheduleFired(): void {
    this.#firings += 1;
  }

  /** The clock ran ahead, which may be sleep: what a service asked for may seem to be over. */
  clockRanAhead(): void {
    this.#mayAskFromMs = 0;
  }

  exchangeBegan(cause: Cause, signal: AbortSignal): void {
    this.exchanges += 1;
    const now = this.#time.monotonicMs;
    this.note(`an exchange begins (${cause})`);
    this.#running = this.#running.filter((other) => !other.aborted);
    if (this.#running.length > 0) this.break('two exchanges at once');
    this.#running.push(signal);
    this.#starts = this.#starts.filter(({ atMonotonicMs }) => atMonotonicMs > now - hour);
    const unasked = this.#starts.filter((start) => start.cause !== 'person');
    if (cause === 'person') {
      this.#starts.push({ atMonotonicMs: now, cause });
      return;
    }
    if (unasked.length >= 60) this.break('over 60 exchanges in an hour');
    if (cause === 'min_ttl') this.#minTtlBegan(now);
    if (this.#time.trueMs < this.#mayAskFromMs) this.break('an exchange before the Retry-After is over');
    if (this.#saidNo === 'terminal') this.break('an exchange after IAM refused the credential for good');
    if (this.#saidNo === 'needs_person')
      this.break('an exchange that nobody asked for, and that needs a person');
    if (this.#saidNo === 'code_7' && this.#firings === 0)
      this.break('a missing role asked for outside the schedule');
    this.#firings = 0;
    this.#starts.push({ atMonotonicMs: now, cause });
  }

  #minTtlBegan(now: number): void {
    const asked = this.#starts.filter((start) => start.cause === 'min_ttl');
    if (asked.length >= 6) this.break('over 6 exchanges in an hour for a minTtl');
    const last = asked.at(-1);
    if (last !== undefined && now - last.atMonotonicMs < minute)
      this.break('two exchanges in a minute for a minTtl');
  }

  exchangeEnded(outcome: ExchangeOutcome, signal: AbortSignal): void {
    this.#running = this.#running.filter((other) => other !== signal);
    this.note(
      outcome.ok ? `IAM gives ${outcome.exchanged.token.expose()}` : `it fails: ${outcome.failure.message}`,
    );
    if (outcome.ok) {
      this.#gave();
      this.#saidNo = null;
      this.#peaceIsOver();
      return;
    }
    const { kind, mayHeal, retryAfterMs = 0 } = outcome.failure;
    this.#saidNo = kind === 'transient' ? null : mayHeal === true ? 'code_7' : kind;
    this.#firings = 0;
    if (kind !== 'transient') {
      this.#peaceIsOver();
      // The role may have been granted while the refusal was on its way.
      this.disturbed(0);
      return;
    }
    this.#peaceUntilMs = Math.max(this.#peaceUntilMs, this.#time.trueMs + Math.min(retryAfterMs, hour));
    this.#mayAskFromMs = Math.max(this.#mayAskFromMs, this.#time.trueMs + Math.min(retryAfterMs, hour));
  }

  #peaceIsOver(): void {
    this.#peaceUntilMs = 0;
    this.#mayAskFromMs = 0;
  }

  #gave(): void {
    const { monotonicMs } = this.#time;
    this.#gaveAtMonotonicMs = this.#gaveAtMonotonicMs.filter((atMs) => atMs > monotonicMs - hour);
    if (this.#starts.at(-1)?.cause === 'due') this.#gaveAtMonotonicMs.push(monotonicMs);
    if (this.#gaveAtMonotonicMs.length > answeredAtMost)
      this.break('a storm of exchanges, though IAM answers');
  }

  /** After a login, a logout or a stop the exchange of before must have been taken back. */
  nothingRuns(after: string): void {
    if (this.#running.some((signal) => !signal.aborted)) this.break(`an exchange goes on after ${after}`);
  }

  /** @param endsMs when the token truly ends */
  tokenServed(endsMs: number, clockIsRight: boolean): void {
    this.served += 1;
    // Of two that end within seconds of each other the newer one is right.
    if (endsMs < this.#servedEndsMs - sameEndWithinMs) this.break('an older token served after a newer one');
    this.#servedEndsMs = endsMs;
    const leftMs = endsMs - this.#time.trueMs;
    if (leftMs <= 0) {
      this.expiredServed += 1;
      this.break(`an expired token served, ${-leftMs} ms after its end`);
    } else if (clockIsRight && leftMs <= minute) {
      this.break(`a token served in its last minute, ${leftMs} ms before its end`);
    }
  }

  /** Something happened after which the daemon may take so much awake time to have a living token. */
  disturbed(graceMs: number): void {
    const waitsForSchedule = this.#saidNo === 'code_7' && this.#scheduleMs !== null;
    const longestMs = waitsForSchedule ? Math.max(graceMs, this.#scheduleMs + wakingGraceMs) : graceMs;
    this.#calmFromAwakeMs = Math.max(this.#calmFromAwakeMs, this.#time.awakeMs + longestMs);
  }

  /** Whether a living token has to be in hand now; the world itself is in order. */
  get isCalm(): boolean {
    if (this.#saidNo === 'terminal' || this.#saidNo === 'needs_person') this.disturbed(0);
    return (
      this.#time.awakeMs > this.#calmFromAwakeMs &&
      this.#time.trueMs > this.#peaceUntilMs + exchangeGraceMs &&
      this.#time.monotonicMs > this.#budgetUsedUntilMs + exchangeGraceMs
    );
  }

  get #budgetUsedUntilMs(): number {
    const unasked = this.#starts.filter((start) => start.cause !== 'person');
    const sixtieth = unasked.at(-60);
    return sixtieth === undefined ? 0 : sixtieth.atMonotonicMs + hour;
  }

  /** IAM, the network, the credential and the clock are in order, and have been for as long as it takes. */
  livingTokenExpected(endsMs: number | null, clockIsRight: boolean): void {
    const leftMs = endsMs === null ? 0 : endsMs - this.#time.trueMs;
    if (leftMs <= (clockIsRight ? minute : 0)) {
      this.break(`no living token in hand, though IAM could be asked (${leftMs} ms left)`);
    }
  }
}
