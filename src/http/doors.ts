/** The two ways in that speak HTTP, and who may take them. Who asks here asks the daemon, as a peer of its socket does. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Admission } from '../protocol/peer.ts';
import type { Clock } from '../shared/clock.ts';
import { problemOf } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import { asking, type Handle } from './ask.ts';
import { failure, type HttpAnswer } from './http-answer.ts';
import { type HttpServer, httpServer } from './http-server.ts';
import type { Ends } from './peer-uid.ts';
import { answerFrom, metadataRoutes, tokenRoutes } from './routes.ts';

type Headers = IncomingMessage['headersDistinct'];

/**
 * Sent by browsers and by proxies that pass on what others asked, and never by the programs that we are for. Not
 * `Sec-Fetch-Mode`: Node's own fetch sends it.
 */
const foreignSigns = [
  'origin',
  'referer',
  'sec-fetch-site',
  'sec-fetch-dest',
  'x-forwarded-for',
  'forwarded',
  'via',
];

export interface DoorParts {
  readonly handle: Handle;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * `http.sock`: whoever can open it may ask, unless `admit` refuses them. It has the paths of the metadata address too,
 * for a container that is given the socket.
 */
export function httpSocket(
  { handle, clock, log }: DoorParts,
  path: string,
  admit?: (socket: Socket) => Admission,
): Promise<HttpServer> {
  const metadata = metadataRoutes(clock);
  return httpServer({
    listenOn: { path },
    admit,
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
export async function metadataDoor(parts: MetadataParts): Promise<HttpServer> {
  const { handle, clock, log, listenOn, onlyFor } = parts;
  const routes = metadataRoutes(clock);
  /** Said once each. */
  const namedUids = new Set<number | null>();
  const server = await httpServer({
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

/** A page that is open in a browser, or a proxy that others use, may reach what only this machine can. */
function refuseForeign(headers: Headers): HttpAnswer | null {
  const sign = foreignSigns.find((name) => headers[name] !== undefined);
  return sign === undefined ? null : refused(`this is not for browsers and proxies (${sign})`);
}

/** A page cannot send this header to another origin without being allowed to. */
function refuseUnflavoured({ 'metadata-flavor': flavor }: Headers): HttpAnswer | null {
  return isOnly(flavor, 'Google') ? null : refused('Metadata-Flavor: Google is required');
}

/** A name that a page's own server rebinds to this address makes the address that page's own origin. */
function refuseForeignHost({ host }: Headers, address: string): HttpAnswer | null {
  const local = address.replace(/^.*(?=:)/, 'localhost');
  const names = [address, local].flatMap((name) =>
    name.endsWith(':80') ? [name, name.slice(0, -3)] : [name],
  );
  return names.some((name) => isOnly(host, name)) ? null : refused(`Host: must be ${address}`);
}

function refused(message: string): HttpAnswer {
  return failure({ code: 'bad_request', message }, 403);
}

function isOnly(values: readonly string[] | undefined, wanted: string): boolean {
  return values?.length === 1 && values[0]?.toLowerCase() === wanted.toLowerCase();
}
