import type { Peer } from '../../protocol/peer.ts';
import { type RequestContext, RequestLimits } from './request-limits.ts';

/** Waits for a result. Not called while too many requests wait; `signal` aborts if the result is no longer needed. */
export type PendingResult<Result> = (signal: AbortSignal) => Promise<Result>;

interface PendingPeer {
  readonly controllers: Map<RequestContext, AbortController>;
  readonly removeAll: () => void;
}

/** Cancelled requests that are aborted in one turn of the event loop: more would delay all other requests. */
const abortsPerTurn = 200;

/** The requests that wait for their result. */
export class PendingRequests {
  /** One listener for each peer: adding one to an AbortSignal takes time in proportion to those it has. */
  readonly #peers = new Map<Peer, PendingPeer>();
  readonly #limits = new RequestLimits();
  /** To be aborted in the next turns, the next one last. */
  #cancelled: AbortController[] = [];
  #abortsLeft = abortsPerTurn;

  get count(): number {
    let count = 0;
    for (const { controllers } of this.#peers.values()) count += controllers.size;
    return count;
  }

  /**
   * Registers a request until `remove`, or until its peer closes.
   * @returns aborts if the request ends before its result is ready
   * @throws IamTokenError `too_busy`
   */
  add(context: RequestContext): AbortSignal {
    const { peer } = context;
    this.#limits.admit(context);
    const controller = new AbortController();
    (this.#peers.get(peer) ?? this.#addPeer(peer)).controllers.set(context, controller);
    return controller.signal;
  }

  /** @returns whether the request was pending: only then does it get a response */
  remove(context: RequestContext): boolean {
    const { peer } = context;
    const pendingPeer = this.#peers.get(peer);
    if (pendingPeer?.controllers.delete(context) !== true) return false;
    this.#limits.release(context);
    if (pendingPeer.controllers.size > 0) return true;
    this.#peers.delete(peer);
    peer.closeSignal.removeEventListener('abort', pendingPeer.removeAll);
    return true;
  }

  /** Aborts all at once. @returns what was pending */
  removeAll(): readonly RequestContext[] {
    const contexts = [...this.#peers.values()].flatMap(({ controllers }) => [...controllers.keys()]);
    for (const peer of [...this.#peers.keys()]) this.#removeAllOf(peer);
    this.#abortsLeft = Infinity;
    this.#abortCancelled();
    return contexts;
  }

  #addPeer(peer: Peer): PendingPeer {
    const removeAll = (): void => {
      this.#removeAllOf(peer);
      this.#abortCancelled();
    };
    const pendingPeer = { controllers: new Map(), removeAll };
    this.#peers.set(peer, pendingPeer);
    peer.closeSignal.addEventListener('abort', removeAll);
    return pendingPeer;
  }

  #removeAllOf(peer: Peer): void {
    for (const [context, controller] of [...(this.#peers.get(peer)?.controllers ?? [])].toReversed()) {
      this.remove(context);
      this.#cancelled.push(controller);
    }
  }

  /** As many as this turn allows; the others follow in the next turns. */
  #abortCancelled(): void {
    const isPlanned = this.#abortsLeft < abortsPerTurn;
    // One error for all: creating one for each would take longer than all else.
    const reason = new DOMException('the request was cancelled', 'AbortError');
    for (; this.#abortsLeft > 0 && this.#cancelled.length > 0; this.#abortsLeft -= 1)
      this.#cancelled.pop()?.abort(reason);
    if (isPlanned) return;
    setImmediate(() => {
      this.#abortsLeft = abortsPerTurn;
      if (this.#cancelled.length > 0) this.#abortCancelled();
    });
  }
}
