import type { Alarm } from '../../shared/clock.ts';
import { IamTokenError, type Problem } from '../../shared/errors.ts';
import type { TokenSource } from '../../token/token-source.ts';
import { Profile, type ProfileParts } from '../profiles/profile.ts';
import type { DerivedBudget, LimitedUser } from './derived-budget.ts';

/** An entry ends this long after its last request, so that unused tokens are not renewed forever. */
const idleTimeoutMs = 24 * 60 * 60_000;
/** Of those that a user started: beyond this number the one with the oldest request ends. */
const maxEntriesPerUser = 64;
/** Over all users. Beyond it no entry starts: ending one would take it from another user. */
const maxEntries = 512;

export type ProfilePoolParts = Pick<
  ProfileParts,
  'clock' | 'log' | 'getNextScheduledMs' | 'formatHint' | 'takeTurn'
>;

interface Entry<Value> {
  readonly base: Profile;
  readonly profile: Profile<Value>;
  readonly idleAlarm: Alarm;
  endsAtMonotonicMs: number;
  /** Who requested it: the first of them started it. */
  readonly users: Set<LimitedUser>;
}

/** Lifecycles that belong to a base profile and run only while they are used. Their tokens are not stored. */
export class ProfilePool<Value> {
  readonly #parts: ProfilePoolParts;
  readonly #budget: Pick<DerivedBudget, 'findProblem' | 'limit'>;
  /** The entry with the oldest request comes first. */
  readonly #entries = new Map<string, Entry<Value>>();

  constructor(parts: ProfilePoolParts, budget: Pick<DerivedBudget, 'findProblem' | 'limit'>) {
    this.#parts = parts;
    this.#budget = budget;
  }

  /**
   * Counts as a request.
   * @param label distinguishes the lifecycles of one base profile, in the log too
   * @throws IamTokenError `unavailable` if the hourly limit is reached; `too_busy` if there are too many lifecycles
   */
  getOrStart(
    base: Profile,
    label: string,
    user: LimitedUser,
    openSource: () => TokenSource<Value>,
  ): Profile<Value> {
    const key = `${base.name}/${label}`;
    const entry = this.#entries.get(key) ?? this.#start(key, base, label, user, openSource);
    entry.users.add(user);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.endsAtMonotonicMs = this.#parts.clock.now().monotonicMs + idleTimeoutMs;
    entry.idleAlarm.set(entry.endsAtMonotonicMs);
    return entry.profile;
  }

  list(base: Profile): readonly Profile<Value>[] {
    return [...this.#entries.values()].filter((entry) => entry.base === base).map(({ profile }) => profile);
  }

  /** Rejects the waiting requests with `problem`. */
  removeAll(base: Profile, problem: Problem): void {
    for (const [key, entry] of [...this.#entries]) if (entry.base === base) this.#remove(key, entry, problem);
  }

  /** Only those that would not try again by themselves. */
  removeFailed(base: Profile): void {
    for (const [key, entry] of [...this.#entries]) {
      const { kind } = entry.profile.state.phase;
      const hasFailed = kind === 'credential_rejected' || kind === 'interaction_required';
      if (entry.base === base && hasFailed) this.#remove(key, entry, entryEnded);
    }
  }

  stop(): void {
    for (const { profile, idleAlarm } of this.#entries.values()) {
      idleAlarm.cancel();
      profile.stop();
    }
  }

  #start(
    key: string,
    base: Profile,
    label: string,
    user: LimitedUser,
    openSource: () => TokenSource<Value>,
  ): Entry<Value> {
    const problem = this.#budget.findProblem(base, user);
    if (problem !== null) throw new IamTokenError(problem);
    this.#makeRoom(user);
    const { clock, log } = this.#parts;
    const profile = new Profile<Value>({
      ...this.#parts,
      get name() {
        return base.name;
      },
      log: { write: (level, line, fields) => log.write(level, line, { ...fields, as: label }) },
      announce: () => undefined,
    });
    profile.setCredential(this.#budget.limit(openSource(), base, user), null);
    const idleAlarm = clock.createAlarm(() => this.#endIfIdle(key, entry));
    const entry: Entry<Value> = {
      base,
      profile,
      idleAlarm,
      endsAtMonotonicMs: Infinity,
      users: new Set([user]),
    };
    return entry;
  }

  /** Ends the oldest entry that no other user has requested, if the user has too many. @throws IamTokenError `too_busy` */
  #makeRoom(user: LimitedUser): void {
    const ofUser = [...this.#entries].filter(([, { users }]) => [...users][0] === user);
    const oldest = ofUser.find(([, { users }]) => users.size === 1);
    if (ofUser.length >= maxEntriesPerUser && oldest !== undefined) this.#remove(...oldest, entryEnded);
    else if (ofUser.length >= maxEntriesPerUser || this.#entries.size >= maxEntries) {
      const message = 'too many impersonated accounts or access keys are in use';
      throw new IamTokenError({ code: 'too_busy', message, retryAfterMs: 60_000 });
    }
  }

  /** The alarm rings early if the clock jumps. */
  #endIfIdle(key: string, entry: Entry<Value>): void {
    const { idleAlarm, endsAtMonotonicMs } = entry;
    if (this.#parts.clock.now().monotonicMs < endsAtMonotonicMs) idleAlarm.set(endsAtMonotonicMs);
    else this.#remove(key, entry, entryEnded);
  }

  #remove(key: string, { profile, idleAlarm }: Entry<Value>, problem: Problem): void {
    this.#entries.delete(key);
    idleAlarm.cancel();
    profile.removeCredential(problem);
    profile.stop();
  }
}

const entryEnded: Problem = {
  code: 'unavailable',
  message: 'the request was dropped; try again',
  retryAfterMs: 0,
};
