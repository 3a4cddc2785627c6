import type { Method } from '../../protocol/method-types.ts';
import type { TypedRequest } from '../../protocol/parse-request.ts';
import type { Peer } from '../../protocol/peer.ts';
import { IamTokenError } from '../../shared/errors.ts';

export interface RequestContext {
  readonly id: number | null;
  readonly peer: Peer;
  /** Absent if it is invalid. */
  readonly request?: TypedRequest;
}

/** Those that wait as long as IAM does. The owner and root need all others to end such a wait. */
const methodsThatWaitForIam: ReadonlySet<Method> = new Set(['token', 'awsCredentials', 'refresh']);

/** Of requests that wait. What exceeds a limit is rejected. */
const limits = {
  /** Over all connections. */
  total: 20_000,
  /** So that no client uses up the limit of all others. */
  perPeer: 2_000,
  /** Over all connections of another user, or of all containers of a user. */
  perOther: 2_000,
  /** Over all other users and containers: the rest is reserved for the daemon's own user and root. */
  others: 10_000,
  /** Of the methods that do not wait for IAM, for each connection of the daemon's own user and root. */
  controlPerPeer: 2_000,
};

/**
 * The key of the peers that share limits: of another user, or all containers of the daemon's own user or root, because a
 * program can create any number of namespaces. `null`: the daemon's own user and root.
 */
export function limitedUserOf({ findContainer, isOtherUser, uid }: Peer): string | null {
  if (isOtherUser) return `user ${uid ?? 'unknown'}`;
  const container = findContainer?.() ?? null;
  return container === null ? null : `containers of ${uid ?? 'unknown'}`;
}

/** How a waiting request is counted. */
type Category =
  { readonly kind: 'control' } | { readonly kind: 'waiting'; readonly limitedUser: string | null };

/** Counts the requests that wait for their result. */
export class RequestLimits {
  readonly #categories = new Map<RequestContext, Category>();
  readonly #waitingByPeer = new Counts<Peer>();
  readonly #controlByPeer = new Counts<Peer>();
  readonly #waitingByOther = new Counts<string>();
  #waitingOthers = 0;
  #waiting = 0;

  /** @throws IamTokenError `too_busy`; never for a `lock`, `stop`, `logout` or `status` of the owner because others wait */
  admit(context: RequestContext): void {
    const { peer, request } = context;
    const limitedUser = limitedUserOf(peer);
    if (limitedUser === null && request !== undefined && !methodsThatWaitForIam.has(request.method)) {
      if (this.#controlByPeer.get(peer) >= limits.controlPerPeer) throw createTooBusyError();
      this.#categories.set(context, { kind: 'control' });
      this.#controlByPeer.add(peer, 1);
      return;
    }
    if (this.#isFull(peer, limitedUser)) throw createTooBusyError();
    this.#categories.set(context, { kind: 'waiting', limitedUser });
    this.#countWaiting(peer, limitedUser, 1);
  }

  release(context: RequestContext): void {
    const category = this.#categories.get(context);
    if (category === undefined) return;
    this.#categories.delete(context);
    if (category.kind === 'control') this.#controlByPeer.add(context.peer, -1);
    else this.#countWaiting(context.peer, category.limitedUser, -1);
  }

  #isFull(peer: Peer, limitedUser: string | null): boolean {
    if (this.#waiting >= limits.total || this.#waitingByPeer.get(peer) >= limits.perPeer) return true;
    if (limitedUser === null) return false;
    return this.#waitingOthers >= limits.others || this.#waitingByOther.get(limitedUser) >= limits.perOther;
  }

  #countWaiting(peer: Peer, limitedUser: string | null, difference: 1 | -1): void {
    this.#waiting += difference;
    this.#waitingByPeer.add(peer, difference);
    if (limitedUser === null) return;
    this.#waitingOthers += difference;
    this.#waitingByOther.add(limitedUser, difference);
  }
}

/** Numbers of things by key; 0 if not counted. */
class Counts<Key> {
  readonly #counts = new Map<Key, number>();

  get(key: Key): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: Key, difference: number): void {
    const count = this.get(key) + difference;
    if (count === 0) this.#counts.delete(key);
    else this.#counts.set(key, count);
  }
}

function createTooBusyError(): IamTokenError {
  return new IamTokenError({
    code: 'too_busy',
    message: 'too many requests are waiting',
    retryAfterMs: 1_000,
  });
}
