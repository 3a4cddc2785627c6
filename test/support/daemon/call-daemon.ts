import type {
  MethodResult,
  Method,
  MethodParams,
  ProfileStatus,
} from '../../../src/protocol/method-types.ts';
import type { Problem } from '../../../src/shared/errors.ts';
import { connectRawPeer } from './raw-peer.ts';

export type CallOutcome<M extends Method> =
  | { readonly result: MethodResult<M>; readonly error?: undefined }
  | { readonly result?: undefined; readonly error: Problem };

/** Sends one request over its own connection. */
export async function callDaemon<M extends Method>(
  socketPath: string,
  method: M,
  params: MethodParams<M>,
): Promise<CallOutcome<M>> {
  const peer = await connectRawPeer(socketPath);
  try {
    peer.send({ v: 1, id: 1, method, params });
    return (await peer.nextData()) as CallOutcome<M>;
  } finally {
    peer.socket.destroy();
  }
}

/** The status of the only profile. */
export async function fetchProfileStatus(socketPath: string): Promise<ProfileStatus> {
  const { result } = await callDaemon(socketPath, 'status', {});
  const profile = result?.profiles[0];
  if (profile === undefined) throw new Error('the daemon has no profile');
  return profile;
}
