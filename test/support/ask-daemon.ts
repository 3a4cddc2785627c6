import type { Answer, Method, Params, ProfileStatus } from '../../src/protocol/messages.ts';
import type { Problem } from '../../src/shared/errors.ts';
import { rawPeer } from './raw-peer.ts';

export type Asked<M extends Method> =
  | { readonly result: Answer<M>; readonly error?: undefined }
  | { readonly result?: undefined; readonly error: Problem };

/** One request over a connection of its own, whatever comes of it. */
export async function askDaemon<M extends Method>(
  socketPath: string,
  method: M,
  params: Params<M>,
): Promise<Asked<M>> {
  const peer = await rawPeer(socketPath);
  try {
    peer.send({ v: 1, id: 1, method, params });
    return (await peer.next()) as Asked<M>;
  } finally {
    peer.socket.destroy();
  }
}

/** How the only profile stands. */
export async function statusOf(socketPath: string): Promise<ProfileStatus> {
  const { result } = await askDaemon(socketPath, 'status', {});
  const profile = result?.profiles[0];
  if (profile === undefined) throw new Error('the daemon has no profile');
  return profile;
}
