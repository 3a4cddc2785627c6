import { minute, second } from '../support/durations.ts';
import type { Promises } from './promises.ts';
import type { SimulatedDaemon } from './simulated-daemon.ts';
import { exchangeTimeoutMs, type SimulatedIam } from './simulated-iam.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** The store is read, then one exchange ends. */
const deadlineMs = 5 * second + exchangeTimeoutMs + second;

export interface SimulatedClientsParts {
  readonly time: SimulatedTime;
  readonly iam: SimulatedIam;
  readonly daemon: SimulatedDaemon;
  readonly promises: Promises;
  readonly random: () => number;
  /** Nothing keeps the daemon from a living token, and nothing has for as long as it takes. */
  readonly isCalm: () => boolean;
  readonly clockWasAlwaysRight: () => boolean;
}

interface Open {
  readonly deadlineAwakeMs: number;
  readonly what: string;
}

/** Who asks the daemon, and holds it to what it answers. */
export class SimulatedClients {
  requests = 0;
  readonly #parts: SimulatedClientsParts;
  /** In the order of their deadlines. */
  readonly #open = new Set<Open>();

  constructor(parts: SimulatedClientsParts) {
    this.#parts = parts;
  }

  askNowAndThen(everyMs: number): void {
    const { time, random } = this.#parts;
    time.in(-Math.log(1 - random()) * everyMs, () => {
      this.ask(0);
      this.askNowAndThen(everyMs);
    });
  }

  /** Shells and editors ask when the machine or the session begins. */
  askSoon(): void {
    const { time, random } = this.#parts;
    for (const withinMs of [second, 30 * second, 10 * minute]) {
      time.in(random() * withinMs, () => this.ask(0));
    }
  }

  poll(everyMs: number, forMs: number, minTtlMs: number): void {
    if (forMs <= 0) return;
    this.ask(minTtlMs);
    this.#parts.time.in(everyMs, () => this.poll(everyMs, forMs - everyMs, minTtlMs));
  }

  ask(minTtlMs: number): void {
    const { time, iam, daemon, promises, random, isCalm } = this.#parts;
    const { profile } = daemon;
    if (profile === null || time.isAsleep) return;
    const hasToBeServed = minTtlMs === 0 && isCalm();
    const { credential } = iam;
    let isServed = false;
    const takeBack = this.#request(`a request with a minTtl of ${minTtlMs / second} s`, (settled) =>
      profile.token(minTtlMs, (end) => {
        settled();
        isServed = end.kind === 'answer';
        if (end.kind === 'answer') this.#check(end.token.value.expose(), minTtlMs, credential);
      }),
    );
    if (hasToBeServed && !isServed) {
      promises.break('a request had to wait though IAM could be asked in time');
    }
    if (random() < 0.05) time.in(random() * 10 * second, takeBack);
  }

  refresh(): void {
    const { time, daemon, promises } = this.#parts;
    const { profile } = daemon;
    if (profile === null || time.isAsleep) return;
    promises.note('somebody refreshes');
    this.#request('a refresh', (settled) => profile.refresh(settled));
  }

  /** A process is gone, and its connections with it. */
  hangUp(): void {
    this.#open.clear();
  }

  allAreAnswered(when: string): void {
    if (this.#open.size > 0) this.#parts.promises.break(`a request got no answer ${when}`);
  }

  nobodyIsLate(): void {
    const [oldest] = this.#open;
    if (oldest !== undefined && this.#parts.time.awakeMs > oldest.deadlineAwakeMs) {
      this.#parts.promises.break(`${oldest.what} got no answer in time`);
    }
  }

  #check(value: string, minTtlMs: number, credential: number): void {
    const { time, iam, promises, clockWasAlwaysRight } = this.#parts;
    const issued = iam.known(value);
    promises.tokenServed(issued.endsMs, clockWasAlwaysRight());
    if (issued.credential < credential) promises.break('a token of the credential before the login');
    if (clockWasAlwaysRight() && issued.endsMs - time.trueMs < minTtlMs) {
      promises.break('a token that is shorter than the minTtl');
    }
  }

  #request(what: string, ask: (settled: () => void) => () => void): () => void {
    this.requests += 1;
    const open: Open = { deadlineAwakeMs: this.#parts.time.awakeMs + deadlineMs, what };
    this.#open.add(open);
    const takeBack = ask(() => this.#open.delete(open));
    return () => {
      this.#open.delete(open);
      takeBack();
    };
  }
}
