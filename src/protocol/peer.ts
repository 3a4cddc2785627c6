import type { EventMessage, ResponseMessage } from './envelope.ts';

/** Whether to accept a connection; the reason for a rejection goes to the log. */
export type AccessDecision = PeerAccess | { readonly rejectionReason: string };

export interface PeerAccess {
  /** Another user than the daemon's own and root: restricted to `methodsForOtherUsers`. */
  readonly isOtherUser: boolean;
  /** From the kernel; absent if it is unknown. Limits apply to all connections of a uid together. */
  readonly uid?: number;
  /**
   * The container that the peer is in, as messages name it; `null`: none. Absent where containers cannot be told apart. May
   * read files at the first call.
   */
  readonly findContainer?: () => string | null;
}

/** The other end of a connection, as the daemon sees it. */
export interface Peer extends PeerAccess {
  /** The HTTP server has made its own checks: the challenge of a Windows pipe (`challenge.ts`) is not required. */
  readonly isPreauthenticated?: true;
  /** Never throws: sends `internal` in place of a response that exceeds a frame; drops one to a closed connection. */
  send(message: ResponseMessage | EventMessage): void;
  /** Closes the connection and logs the reason. */
  close(reason: string): void;
  /** Aborts when the connection closes. */
  readonly closeSignal: AbortSignal;
}
