import type { AnswerMessage, EventMessage } from '../../src/protocol/messages.ts';
import type { Peer } from '../../src/protocol/peer.ts';
import type { Problem } from '../../src/shared/errors.ts';
import { until } from './until.ts';

/** The other end of a connection that a test holds in its hand. */
export interface FakePeer extends Peer {
  readonly sent: readonly (AnswerMessage | EventMessage)[];
  /** Why the connection was closed; `null` while it lives. */
  readonly closedFor: string | null;
  /** The events that came, `event profile`. */
  events(): readonly string[];
  /** The answer to a request, now or as soon as there is one. */
  answerTo(id: number | null): Promise<Answered>;
  hasAnswerTo(id: number): boolean;
  /** The connection is gone. */
  leave(): void;
  /** Who wants to be told when it is. */
  readonly wishes: number;
}

export interface Answered {
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: Problem;
}

export function fakePeer(): FakePeer {
  const sent: (AnswerMessage | EventMessage)[] = [];
  const wishes = new Set<() => void>();
  let closedFor: string | null = null;
  const found = (id: number | null): (AnswerMessage | EventMessage) | undefined =>
    sent.find((message) => 'id' in message && message.id === id);
  return {
    isGuest: false,
    sent,
    get closedFor() {
      return closedFor;
    },
    get wishes() {
      return wishes.size;
    },
    send: (message) => void sent.push(message),
    close: (reason) => void (closedFor = reason),
    onGone: (gone) => {
      wishes.add(gone);
      return () => void wishes.delete(gone);
    },
    leave: () => {
      for (const gone of [...wishes]) gone();
    },
    events: () =>
      sent.flatMap((message) => ('event' in message ? [`${message.event} ${message.params.profile}`] : [])),
    hasAnswerTo: (id) => found(id) !== undefined,
    answerTo: async (id) => {
      await until(() => found(id) !== undefined, `an answer to ${id}`);
      return found(id) as Answered;
    },
  };
}
