import { getEventListeners } from 'node:events';
import type { ResponseMessage, EventMessage } from '../../../src/protocol/envelope.ts';
import type { Peer } from '../../../src/protocol/peer.ts';
import type { Problem } from '../../../src/shared/errors.ts';
import { waitUntil } from '../wait-until.ts';

/** A peer whose connection is controlled by the test. */
export interface FakePeer extends Peer {
  readonly sentMessages: readonly (ResponseMessage | EventMessage)[];
  /** Why the connection was closed; `null` while it is open. */
  readonly closeReason: string | null;
  /** The events that were sent, as `event profile`. */
  listEvents(): readonly string[];
  /** Resolves with the response to a request. */
  waitForResponse(id: number | null): Promise<PeerResponse>;
  hasResponse(id: number): boolean;
  /** Closes the connection from the other side. */
  disconnect(): void;
  /** The number of listeners for the close of the connection. */
  readonly closeListeners: number;
}

export interface PeerResponse {
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: Problem;
}

export function createFakePeer(): FakePeer {
  const sentMessages: (ResponseMessage | EventMessage)[] = [];
  const closeController = new AbortController();
  let closeReason: string | null = null;
  const findMessage = (id: number | null): (ResponseMessage | EventMessage) | undefined =>
    sentMessages.find((message) => 'id' in message && message.id === id);
  return {
    isOtherUser: false,
    sentMessages,
    get closeReason() {
      return closeReason;
    },
    get closeListeners() {
      return getEventListeners(closeController.signal, 'abort').length;
    },
    send: (message) => void sentMessages.push(message),
    close: (reason) => void (closeReason = reason),
    closeSignal: closeController.signal,
    disconnect: () => closeController.abort(),
    listEvents: () =>
      sentMessages.flatMap((message) =>
        'event' in message ? [`${message.event} ${message.params.profile}`] : [],
      ),
    hasResponse: (id) => findMessage(id) !== undefined,
    waitForResponse: async (id) => {
      await waitUntil(() => findMessage(id) !== undefined, `a response to ${id}`);
      return findMessage(id) as PeerResponse;
    },
  };
}
