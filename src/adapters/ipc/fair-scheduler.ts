/**
 * Decides which connection is served and read next, so that no user's requests delay those of another: round robin over
 * users, then over the connections of a user, a few requests at a time. What waits its turn is bounded by not reading it.
 */

/** The user of a connection. Connections with the same key share one user's turns and limits. */
export interface ConnectionUser {
  readonly key: string;
  /** The daemon's own user and root: every second turn is reserved for them. */
  readonly isPrivileged: boolean;
}

export interface SchedulableConnection {
  /** Handles at most `maxRequests` requests, for about `maxMs`. @returns how many it handled */
  serve(maxRequests: number, maxMs: number): number;
  /** Received, and not handled yet. */
  readonly hasInput: boolean;
  /** Its peer has not read its responses. */
  readonly hasUnreadOutput: boolean;
  /** The memory that its requests and responses take. */
  readonly heldBytes: number;
  startReading(): void;
  stopReading(): void;
  close(reason: string): void;
}

export interface FairSchedulerParts {
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Calls back after other input was received: `setImmediate`. */
  readonly defer: (callback: () => void) => void;
}

/** The part of a scheduler for one connection. */
export interface ScheduledConnection {
  /** The connection has new input. */
  onInput(): void;
  /** Its unread output or the bytes that it holds may have changed. */
  update(): void;
  /** The connection has closed. */
  remove(): void;
}

/** The most requests of one connection in one turn. */
export const requestsPerTurn = 32;
const turnMs = 0.25;
/** The same while no other connection has requests: fewer and larger writes are faster. */
const requestsPerLoneTurn = 256;
const loneTurnMs = 0.5;
/** How long turns may delay the input of others. */
const sliceMs = 0.5;
/** The same while connections wait to be accepted: Node accepts one for each turn of its event loop. */
const acceptingSliceMs = 0.1;
const acceptingRequestsPerTurn = 8;
/** Connections of one user that may have unhandled requests; its others are not read while there are so many. */
const maxReadyPerUser = 32;
/** Connections that begin to be read between two slices, for each user. */
const maxResumedPerSlice = 16;
/** Requests that are handled before others are read, for each user and for all unprivileged users together. */
const immediateRequestsPerUser = requestsPerTurn;
const immediateRequestsOfOthers = 4 * requestsPerTurn;
/** Of unread responses, unhandled requests and unfinished frames. */
const maxHeldBytes = { privileged: 64 * 1024 * 1024, user: 8 * 1024 * 1024, others: 32 * 1024 * 1024 };

/** `waiting`: it is not read, because its user has too many connections with requests; `blocked`: by unread output. */
type State = 'reading' | 'ready' | 'waiting' | 'blocked';

interface Entry {
  readonly user: User;
  readonly connection: SchedulableConnection;
  isOpen: boolean;
  state: State;
  heldBytes: number;
}

interface User extends ConnectionUser {
  readonly reading: Set<Entry>;
  readonly ready: Set<Entry>;
  readonly waiting: Set<Entry>;
  readonly blocked: Set<Entry>;
  /** Those that hold bytes and wait for their peer, the longest first. */
  readonly holding: Set<Entry>;
  heldBytes: number;
  immediateRequests: number;
}

export class FairScheduler {
  readonly #parts: FairSchedulerParts;
  readonly #users = new Map<string, User>();
  /** Users with ready connections; the next one first. */
  readonly #readyUsers = { privileged: new Set<User>(), others: new Set<User>() };
  readonly #waitingUsers = new Set<User>();
  readonly #activeUsers = new Set<User>();
  #othersHeldBytes = 0;
  #othersImmediateRequests = 0;
  #isOthersTurn = false;
  #hasAccepted = false;
  #isDeferred = false;

  constructor(parts: FairSchedulerParts) {
    this.#parts = parts;
  }

  /** @param connection is being read */
  add(identity: ConnectionUser, connection: SchedulableConnection): ScheduledConnection {
    const user = this.#users.get(identity.key) ?? this.#addUser(identity);
    const entry: Entry = { user, connection, isOpen: true, state: 'reading', heldBytes: 0 };
    user.reading.add(entry);
    this.#hasAccepted = true;
    if (user.ready.size >= maxReadyPerUser) this.#move(entry, 'waiting');
    return {
      onInput: () => this.#handleInput(entry),
      update: () => this.#settle(entry),
      remove: () => this.#remove(entry),
    };
  }

  #addUser({ key, isPrivileged }: ConnectionUser): User {
    const sets = { reading: new Set<Entry>(), ready: new Set<Entry>(), waiting: new Set<Entry>() };
    const user: User = {
      key,
      isPrivileged,
      ...sets,
      blocked: new Set(),
      holding: new Set(),
      heldBytes: 0,
      immediateRequests: 0,
    };
    this.#users.set(key, user);
    return user;
  }

  /** Most connections send one request at a time: it is handled at once. */
  #handleInput(entry: Entry): void {
    const { connection, state, user } = entry;
    if (state === 'reading' && entry.isOpen) {
      const allowance = this.#immediateAllowance(user);
      if (allowance > 0) this.#countImmediate(user, connection.serve(allowance, loneTurnMs));
    }
    this.#settle(entry);
  }

  #immediateAllowance({ isPrivileged, immediateRequests }: User): number {
    const isQuiet = this.#activeUsers.size === 0 && this.#readyUserCount === 0;
    if (isQuiet && !this.#hasAccepted) return requestsPerLoneTurn;
    const maxRequests = this.#hasAccepted ? acceptingRequestsPerTurn : immediateRequestsPerUser;
    const ofUser = maxRequests - immediateRequests;
    return isPrivileged
      ? ofUser
      : Math.min(ofUser, immediateRequestsOfOthers - this.#othersImmediateRequests);
  }

  #countImmediate(user: User, served: number): void {
    const count = Math.max(served, 1);
    user.immediateRequests += count;
    if (!user.isPrivileged) this.#othersImmediateRequests += count;
    this.#activeUsers.add(user);
    // A few requests cost no further turn of the event loop.
    if (2 * this.#immediateAllowance(user) < immediateRequestsPerUser) this.#deferSlice();
  }

  /** Moves the connection to the state that follows from its input and output. */
  #settle(entry: Entry): void {
    const { connection, user } = entry;
    if (!entry.isOpen) return;
    this.#countHeldBytes(entry, connection.heldBytes);
    if (connection.hasUnreadOutput) this.#move(entry, 'blocked');
    else if (connection.hasInput) this.#move(entry, 'ready');
    else if (entry.state !== 'reading') this.#move(entry, 'waiting');
    if (entry.heldBytes === 0 || entry.state === 'ready') user.holding.delete(entry);
    else user.holding.add(entry);
    this.#enforceHeldBytes(user);
  }

  #move(entry: Entry, state: State): void {
    const { connection, user } = entry;
    if (entry.state === 'reading' && state !== 'reading') connection.stopReading();
    if (entry.state !== 'reading' && state === 'reading') connection.startReading();
    user[entry.state].delete(entry);
    user[state].add(entry);
    entry.state = state;
    if (user.waiting.size > 0) this.#waitingUsers.add(user);
    else this.#waitingUsers.delete(user);
    const readyUsers = this.#readyUsers[user.isPrivileged ? 'privileged' : 'others'];
    if (user.ready.size > 0) readyUsers.add(user);
    else readyUsers.delete(user);
    if (state === 'ready' && user.ready.size >= maxReadyPerUser)
      for (const idleEntry of user.reading) this.#move(idleEntry, 'waiting');
    if (state === 'ready' || state === 'waiting') this.#deferSlice();
  }

  get #readyUserCount(): number {
    return this.#readyUsers.privileged.size + this.#readyUsers.others.size;
  }

  #countHeldBytes(entry: Entry, heldBytes: number): void {
    const difference = heldBytes - entry.heldBytes;
    entry.heldBytes = heldBytes;
    entry.user.heldBytes += difference;
    if (!entry.user.isPrivileged) this.#othersHeldBytes += difference;
  }

  /** A peer that takes memory without reading or finishing what it sent is disconnected, the longest first. */
  #enforceHeldBytes(user: User): void {
    const limit = user.isPrivileged ? maxHeldBytes.privileged : maxHeldBytes.user;
    while (user.heldBytes > limit && user.holding.size > 0) this.#closeOldest(user);
    while (this.#othersHeldBytes > maxHeldBytes.others) {
      const largest = this.#findLargestHolder();
      if (largest === undefined) return;
      this.#closeOldest(largest);
    }
  }

  /** The unprivileged user that holds most, of those with a connection that may be closed. */
  #findLargestHolder(): User | undefined {
    let largest: User | undefined;
    for (const user of this.#users.values()) {
      if (user.isPrivileged || user.holding.size === 0) continue;
      if (largest === undefined || user.heldBytes > largest.heldBytes) largest = user;
    }
    return largest;
  }

  #closeOldest({ holding }: User): void {
    const [oldest] = holding;
    if (oldest === undefined) return;
    this.#remove(oldest);
    oldest.connection.close('its unread responses and unfinished requests take too much memory');
  }

  #remove(entry: Entry): void {
    const { user } = entry;
    if (!entry.isOpen) return;
    entry.isOpen = false;
    this.#countHeldBytes(entry, 0);
    user.holding.delete(entry);
    user[entry.state].delete(entry);
    if (user.waiting.size === 0) this.#waitingUsers.delete(user);
    if (user.ready.size === 0) this.#readyUsers[user.isPrivileged ? 'privileged' : 'others'].delete(user);
    const { reading, ready, waiting, blocked } = user;
    if (reading.size + ready.size + waiting.size + blocked.size > 0) return;
    this.#activeUsers.delete(user);
    this.#users.delete(user.key);
  }

  #deferSlice(): void {
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    this.#parts.defer(() => this.#runSlice());
  }

  #runSlice(): void {
    this.#isDeferred = false;
    for (const user of this.#activeUsers) user.immediateRequests = 0;
    this.#activeUsers.clear();
    this.#othersImmediateRequests = 0;
    const endMs = this.#parts.now() + (this.#hasAccepted ? acceptingSliceMs : sliceMs);
    const maxRequests = this.#hasAccepted ? acceptingRequestsPerTurn : requestsPerTurn;
    this.#hasAccepted = false;
    do {
      const user = this.#takeNextUser();
      if (user === undefined) break;
      const [entry] = user.ready;
      if (entry === undefined) break;
      const isAlone = user.ready.size === 1 && this.#readyUserCount === 1;
      if (isAlone) entry.connection.serve(requestsPerLoneTurn, loneTurnMs);
      else entry.connection.serve(maxRequests, turnMs);
      // At the end of the row, unless its turn has closed it.
      if (user.ready.delete(entry)) user.ready.add(entry);
      this.#settle(entry);
    } while (this.#parts.now() < endMs);
    for (const user of this.#waitingUsers) this.#resumeReading(user);
    if (this.#readyUserCount + this.#waitingUsers.size > 0) this.#deferSlice();
  }

  /** Puts the user at the end of the row. */
  #takeNextUser(): User | undefined {
    const { privileged, others } = this.#readyUsers;
    this.#isOthersTurn = !this.#isOthersTurn;
    const row = (this.#isOthersTurn && others.size > 0) || privileged.size === 0 ? others : privileged;
    const [user] = row;
    if (user === undefined) return undefined;
    row.delete(user);
    row.add(user);
    return user;
  }

  #resumeReading(user: User): void {
    let count = Math.min(maxReadyPerUser - user.ready.size, maxResumedPerSlice);
    for (const entry of user.waiting) {
      if (count <= 0) return;
      this.#move(entry, 'reading');
      count -= 1;
    }
  }
}
