/** The two ways in that speak HTTP. Who asks here asks the daemon, as a peer of its socket does. */
import type { Socket } from 'node:net';
import type { Clock } from '../shared/clock.ts';
import { problemOf } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import { asking, type Handle } from './ask.ts';
import { refused, refuseForeign, refuseForeignHost, refuseUnflavoured } from './guards.ts';
import type { HttpAnswer } from './http-answer.ts';
import { type HttpServer, httpServer } from './http-server.ts';
import { metadataRoutes } from './metadata-routes.ts';
import type { Ends } from './peer-uid.ts';
import { answerFrom, type Routes } from './routes.ts';
import { tokenRoutes } from './token-routes.ts';

export interface DoorParts {
  readonly handle: Handle;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * `http.sock`: whoever can open it may ask, unless `refuses` knows them for another user. It has the paths of the metadata address too, for a container that is
 * given the socket.
 */
export function httpSocket(
  { handle, clock, log }: DoorParts,
  path: string,
  refuses: (socket: Socket) => boolean = () => false,
): HttpServer {
  const metadata = metadataRoutes(clock);
  return httpServer({
    listenOn: { path },
    refuses,
    clock,
    log,
    answer: async ({ headersDistinct: headers, url = '' }, gone) => {
      const foreign = refuseForeign(headers);
      if (foreign !== null) return foreign;
      const ask = asking(handle, gone);
      if (!url.startsWith('/computeMetadata/')) return answerFrom(tokenRoutes, url, ask);
      return refuseUnflavoured(headers) ?? answerFrom(metadata, url, ask);
    },
  });
}

export interface MetadataParts extends DoorParts {
  /** A loopback address. */
  readonly listenOn: { readonly host: string; readonly port: number };
  /** `null`: everybody on this machine is answered. */
  readonly onlyFor: { readonly uid: number; readonly uidOf: (peer: Ends) => Promise<number | null> } | null;
}

/**
 * The metadata address. One that cannot be had, for it is another program's, is no reason to give no tokens at all:
 * the log says so, and `address()` stays `null`.
 */
export function metadataDoor({ handle, clock, log, listenOn, onlyFor }: MetadataParts): HttpServer {
  const routes: Routes = metadataRoutes(clock);
  /** Said once each. */
  const namedUids = new Set<number | null>();
  const server = httpServer({
    listenOn,
    clock,
    log,
    answer: async ({ headersDistinct: headers, url = '', socket }, gone) =>
      refuseUnflavoured(headers) ??
      refuseForeign(headers) ??
      refuseForeignHost(headers, server.address() ?? '') ??
      (await refuseOtherUids(socket)) ??
      answerFrom(routes, url, asking(handle, gone)),
  });
  return { ...server, listen };

  async function listen(): Promise<void> {
    try {
      await server.listen();
      log.write('info', 'the metadata address is on', { address: server.address() });
    } catch (error) {
      log.write('error', `metadata.listen: ${problemOf(error).message}; the metadata address stays off`);
    }
  }

  async function refuseOtherUids(peer: Ends): Promise<HttpAnswer | null> {
    if (onlyFor === null) return null;
    const uid = await onlyFor.uidOf(peer);
    if (uid === onlyFor.uid) return null;
    const who = uid === null ? 'a program whose user cannot be found' : `a program of uid ${uid}`;
    if (!namedUids.has(uid)) log.write('warn', `refused ${who} at the metadata address`);
    namedUids.add(uid);
    return refused('this address serves one user, and you are another; see metadata.allowAnyLocalUser');
  }
}
