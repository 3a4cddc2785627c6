import { type EventMessage, protocolVersion } from '../protocol/messages.ts';
import type { Peer } from '../protocol/peer.ts';

/** Who wants to hear what happens: to one profile, or to all. */
export class Subscriptions {
  readonly #subscribers = new Map<Peer, Set<string | null>>();

  /** @param profile `null`: all of them */
  add(peer: Peer, profile: string | null): void {
    const known = this.#subscribers.get(peer);
    if (known !== undefined) {
      known.add(profile);
      return;
    }
    this.#subscribers.set(peer, new Set([profile]));
    peer.onGone(() => this.#subscribers.delete(peer));
  }

  /** Once to each peer, however often it subscribed. */
  publish(event: EventMessage['event'], params: EventMessage['params']): void {
    const message: EventMessage = { v: protocolVersion, event, params };
    for (const [peer, profiles] of this.#subscribers) {
      if (profiles.has(null) || profiles.has(params.profile)) peer.send(message);
    }
  }
}
