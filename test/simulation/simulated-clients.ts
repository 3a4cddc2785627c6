import { IamTokenError } from '../../src/shared/errors.ts';
import type { IamToken } from '../../src/token/token.ts';
import { minute, second } from '../support/time/durations.ts';
import type { Invariants } from './invariants.ts';
import type { SimulatedDaemon } from './simulated-daemon.ts';
import { exchangeTimeoutMs, type SimulatedIam } from './simulated-iam.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** The time to read the store and for one exchange. */
const responseTimeoutMs = 5 * second + exchangeTimeoutMs + second;

export interface SimulatedClientsParts {
  readonly time: SimulatedTime;
  readonly iam: SimulatedIam;
  readonly daemon: SimulatedDaemon;
  readonly invariants: Invariants;
  readonly random: () => number;
  /** Whether the daemon must have a valid token now. */
  readonly isStable: () => boolean;
  readonly wasClockAlwaysCorrect: () => boolean;
}

interface PendingRequest {
  readonly deadlineAwakeMs: number;
  readonly description: string;
}

/** The clients of the daemon, which check every response. */
export class SimulatedClients {
  requests = 0;
  readonly #parts: SimulatedClientsParts;
  /** In the order of their deadlines. */
  readonly #pending = new Set<PendingRequest>();

  constructor(parts: SimulatedClientsParts) {
    this.#parts = parts;
  }

  scheduleRequests(intervalMs: number): void {
    const { time, random } = this.#parts;
    time.schedule(-Math.log(1 - random()) * intervalMs, () => {
      this.requestToken(0);
      this.scheduleRequests(intervalMs);
    });
  }

  /** Shells and editors send requests at the start of a session. */
  scheduleStartupRequests(): void {
    const { time, random } = this.#parts;
    for (const withinMs of [second, 30 * second, 10 * minute]) {
      time.schedule(random() * withinMs, () => this.requestToken(0));
    }
  }

  poll(intervalMs: number, durationMs: number, minTtlMs: number): void {
    if (durationMs <= 0) return;
    this.requestToken(minTtlMs);
    this.#parts.time.schedule(intervalMs, () => this.poll(intervalMs, durationMs - intervalMs, minTtlMs));
  }

  requestToken(minTtlMs: number): void {
    const { time, iam, daemon, invariants, random, isStable } = this.#parts;
    const { profile } = daemon;
    if (profile === null || time.isAsleep) return;
    const mustBeServed = minTtlMs === 0 && isStable();
    const { credential } = iam;
    const checkToken = (token: IamToken): void =>
      this.#checkServedToken(token.value.expose(), minTtlMs, credential);
    const controller = new AbortController();
    this.requests += 1;
    const validToken = profile.getValidToken(minTtlMs);
    if (validToken !== null) {
      checkToken(validToken);
    } else {
      if (mustBeServed) invariants.fail('a request had to wait, although a renewal was possible in time');
      const response = profile.requestToken(minTtlMs, controller.signal).then(checkToken);
      const description = `a request with a minTtl of ${minTtlMs / second} s`;
      void this.#waitFor(description, response, controller.signal);
    }
    if (random() < 0.05) time.schedule(random() * 10 * second, () => controller.abort());
  }

  refresh(): void {
    const { time, daemon, invariants } = this.#parts;
    const { profile } = daemon;
    if (profile === null || time.isAsleep) return;
    invariants.note('refresh');
    this.requests += 1;
    const { signal } = new AbortController();
    void this.#waitFor('a refresh', profile.requestRefresh(signal), signal);
  }

  get hasPending(): boolean {
    return this.#pending.size > 0;
  }

  /** The process has ended, and its connections with it. */
  dropPending(): void {
    this.#pending.clear();
  }

  assertNonePending(when: string): void {
    if (this.#pending.size > 0) this.#parts.invariants.fail(`a request got no response ${when}`);
  }

  assertNoneOverdue(): void {
    const [oldest] = this.#pending;
    if (oldest !== undefined && this.#parts.time.awakeMs > oldest.deadlineAwakeMs) {
      this.#parts.invariants.fail(`${oldest.description} got no response in time`);
    }
  }

  #checkServedToken(value: string, minTtlMs: number, credential: number): void {
    const { time, iam, invariants, wasClockAlwaysCorrect } = this.#parts;
    const simulatedToken = iam.lookUpToken(value);
    invariants.recordServedToken(simulatedToken.expiresAtMs, wasClockAlwaysCorrect());
    if (simulatedToken.credential < credential)
      invariants.fail('a token of the credential from before the login');
    const missingMs = minTtlMs - (simulatedToken.expiresAtMs - time.trueMs);
    const isTolerated = missingMs < minute && time.trueMs - iam.lastReceivedAtMs < minute;
    if (wasClockAlwaysCorrect() && missingMs > 0 && !isTolerated) {
      invariants.fail('a token with less time left than the minTtl');
    }
  }

  async #waitFor(description: string, response: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const pending: PendingRequest = {
      deadlineAwakeMs: this.#parts.time.awakeMs + responseTimeoutMs,
      description,
    };
    this.#pending.add(pending);
    signal.addEventListener('abort', () => this.#pending.delete(pending));
    try {
      await response;
    } catch (error) {
      if (!signal.aborted && !(error instanceof IamTokenError)) throw error;
    } finally {
      this.#pending.delete(pending);
    }
  }
}
