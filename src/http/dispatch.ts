import { protocolVersion } from '../protocol/envelope.ts';
import { collectStatus, type FullStatus } from '../protocol/collect-pages.ts';
import type { MethodResult, Method, MethodParams } from '../protocol/method-types.ts';
import type { Peer, PeerAccess } from '../protocol/peer.ts';
import { IamTokenError } from '../shared/errors.ts';

/** The daemon's request handler: takes a message of the wire protocol, and the peer that gets the response. */
export type RequestHandler = (data: unknown, peer: Peer) => void;

/** One request of the wire protocol. @throws IamTokenError with the daemon's error response */
export type Dispatch = <M extends Method>(method: M, params: MethodParams<M>) => Promise<MethodResult<M>>;

/**
 * @param access of the client
 * @param signal cancels the requests; they never settle then
 */
export function createDispatch(
  handleRequest: RequestHandler,
  signal: AbortSignal,
  access: PeerAccess = { isOtherUser: false },
): Dispatch {
  return <M extends Method>(method: M, params: MethodParams<M>) =>
    new Promise<MethodResult<M>>((resolve, reject) => {
      signal.throwIfAborted();
      const peer: Peer = {
        ...access,
        isPreauthenticated: true,
        send: (message) => {
          if ('result' in message) resolve(message.result as MethodResult<M>);
          else if ('error' in message) reject(new IamTokenError(message.error));
        },
        close: (reason) => reject(new Error(reason)),
        closeSignal: signal,
      };
      handleRequest({ v: protocolVersion, id: 0, method, params }, peer);
    });
}

export function dispatchFullStatus(dispatch: Dispatch, params: MethodParams<'status'>): Promise<FullStatus> {
  return collectStatus((range) => dispatch('status', { ...params, ...range }));
}
