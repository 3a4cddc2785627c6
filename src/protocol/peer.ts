import type { AnswerMessage, EventMessage } from './messages.ts';

/** Whether a connection is taken, and as whose; why it is not is for the log. */
export type Admission = { readonly isGuest: boolean } | { readonly refused: string };

/** The other end of a connection, as the daemon sees it. */
export interface Peer {
  /** Another user, who may ask a system-wide daemon for tokens and not much else. */
  readonly isGuest: boolean;
  /** It came by HTTP, which has guards of its own, and no proof is asked of it where a pipe wants one: `challenge.ts`. */
  readonly owesNoProof?: true;
  /** Never throws: an answer that outgrows a frame becomes `internal`, one to a closed connection is dropped. */
  send(message: AnswerMessage | EventMessage): void;
  /** Ends the connection; the log says why. */
  close(reason: string): void;
  /**
   * Calls back once the connection is gone.
   * @returns takes that wish back
   */
  onGone(gone: () => void): () => void;
}
