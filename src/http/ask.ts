import { type Answer, type Method, type Params, protocolVersion } from '../protocol/messages.ts';
import type { Peer } from '../protocol/peer.ts';
import { ProblemError } from '../shared/errors.ts';

/** The daemon's own way of requests: what a peer of the socket would send, and where the answer goes. */
export type Handle = (data: unknown, peer: Peer) => void;

/** One request of the wire protocol. @throws ProblemError with what the daemon answers instead */
export type Ask = <M extends Method>(method: M, params: Params<M>) => Promise<Answer<M>>;

/** @param gone nobody waits any more: requests are taken back, and never settle */
export function asking(handle: Handle, gone: AbortSignal): Ask {
  return <M extends Method>(method: M, params: Params<M>) =>
    new Promise<Answer<M>>((resolve, reject) => {
      gone.throwIfAborted();
      const peer: Peer = {
        isGuest: false,
        owesNoProof: true,
        send: (message) => {
          if ('result' in message) resolve(message.result as Answer<M>);
          else if ('error' in message) reject(new ProblemError(message.error));
        },
        close: (reason) => reject(new Error(reason)),
        onGone: (call) => {
          gone.addEventListener('abort', call);
          return () => gone.removeEventListener('abort', call);
        },
      };
      handle({ v: protocolVersion, id: 0, method, params }, peer);
    });
}
