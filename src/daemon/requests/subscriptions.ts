import { type EventMessage, protocolVersion } from '../../protocol/envelope.ts';
import type { Peer } from '../../protocol/peer.ts';

/** The peers that receive events, of one profile or of all. */
export class Subscriptions {
  readonly #subscribers = new Map<Peer, Set<string | null>>();

  /** @param profile `null`: all profiles */
  add(peer: Peer, profile: string | null): void {
    const subscribedProfiles = this.#subscribers.get(peer);
    if (subscribedProfiles !== undefined) {
      subscribedProfiles.add(profile);
      return;
    }
    this.#subscribers.set(peer, new Set([profile]));
    peer.closeSignal.addEventListener('abort', () => this.#subscribers.delete(peer), { once: true });
  }

  /** Subscribers of a profile stay with it. */
  rename(from: string, to: string): void {
    for (const profiles of this.#subscribers.values()) if (profiles.delete(from)) profiles.add(to);
  }

  /** Sends the event once to each peer, even if it subscribed several times. */
  publish(event: EventMessage['event'], params: EventMessage['params']): void {
    const message: EventMessage = { v: protocolVersion, event, params };
    for (const [peer, profiles] of this.#subscribers) {
      if (profiles.has(null) || profiles.has(params.profile)) peer.send(message);
    }
  }
}
