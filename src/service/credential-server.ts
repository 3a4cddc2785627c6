/** `credential.sock`: gives systemd the token for `LoadCredential=ID:SOCKET` of a unit (systemd.exec(5)). */
import { createServer, type Server, type Socket } from 'node:net';
import { closeWithPeer } from '../files/sockets/close-with-peer.ts';
import { SocketListener } from '../files/sockets/socket-listener.ts';
import type { AccessDecision } from '../protocol/peer.ts';
import type { Clock } from '../shared/clock.ts';
import { IamTokenError, problemOf, renderProblem } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import { raceSignal } from '../shared/race-signal.ts';
import type { Secret } from '../shared/secret.ts';

/**
 * systemd refuses a credential of more than 1 MiB, and the unit fails (243/CREDENTIALS). It accepts an empty one, or the
 * part of one, and starts the unit.
 */
export const credentialFailure = '\n'.repeat(1024 * 1024 + 1);
/** Less than systemd's own limit of 90 s for the start of a unit. */
const tokenTimeoutMs = 60_000;
const drainTimeoutMs = 500;
/** The credential with the token of the default profile; that of another profile has a dot and its name behind. */
const credentialName = 'iam-token';

export interface CredentialServerParts {
  /** The path of the socket, or the descriptor of a listening socket of systemd. */
  readonly listenOn: { readonly path: string } | { readonly fd: number };
  readonly clock: Clock;
  readonly log: Log;
  readonly decideAccess: (socket: Socket) => AccessDecision;
  /** The address that the peer has bound; an abstract one begins with `@`. */
  readonly getPeerAddress: (socket: Socket) => string | null;
  /**
   * @param profile the default profile unless given
   * @throws IamTokenError
   */
  readonly requestToken: (profile: string | undefined, signal: AbortSignal) => Promise<Secret>;
}

export interface CredentialServer {
  readonly socketListener: SocketListener<Server>;
  /** @throws the system's error, such as `EADDRINUSE` */
  listen(): Promise<void>;
  close(): Promise<void>;
}

export function createCredentialServer(parts: CredentialServerParts): CredentialServer {
  const { clock, log, listenOn } = parts;
  const sockets = new Set<Socket>();
  const socketListener = new SocketListener({
    // systemd ends its side at once. There is no limit of connections: one that is closed is an empty credential.
    createServer: () =>
      createServer({ allowHalfOpen: true }, (socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        void serveCredential(socket, parts);
      }),
    listenOn,
    onError: ({ message }) => log.write('warn', `credential.sock: cannot accept connections: ${message}`),
  });
  return {
    socketListener,
    listen: () => socketListener.listen(),
    close: async () => {
      clock.timeoutSignal(drainTimeoutMs).addEventListener('abort', () => {
        for (const socket of sockets) socket.destroy();
      });
      await socketListener.close();
    },
  };
}

async function serveCredential(socket: Socket, parts: CredentialServerParts): Promise<void> {
  const { clock, log } = parts;
  const closeController = new AbortController();
  socket.once('close', () => closeController.abort());
  socket.on('error', () => undefined);
  socket.once('end', () => closeWithPeer(socket, clock));
  socket.resume();
  let recipient = 'a peer';
  try {
    const { unit, credential } = identifyPeer(socket, parts);
    recipient = `the unit ${unit}, for the credential ${credential}`;
    const token = await requestToken(profileOf(credential), closeController.signal, parts);
    log.write('info', `credential.sock: gave a token to ${recipient}`);
    socket.end(token.expose());
  } catch (error) {
    if (closeController.signal.aborted) return;
    const { message, hint } = renderProblem(problemOf(error));
    log.write('error', `credential.sock: gave no token to ${recipient}: ${message}`);
    for (const line of hint?.split('\n') ?? []) log.write('error', `hint: ${line}`);
    socket.end(credentialFailure);
  }
}

/** @throws IamTokenError */
async function requestToken(
  profile: string | undefined,
  closeSignal: AbortSignal,
  { clock, requestToken: request }: CredentialServerParts,
): Promise<Secret> {
  const timeoutSignal = clock.timeoutSignal(tokenTimeoutMs);
  const signal = AbortSignal.any([closeSignal, timeoutSignal]);
  try {
    return await raceSignal(request(profile, signal), signal);
  } catch (error) {
    if (!timeoutSignal.aborted) throw error;
    const message = `no token within ${tokenTimeoutMs / 1_000} s`;
    throw new IamTokenError({ code: 'unavailable', message }, { cause: error });
  }
}

/**
 * systemd binds an abstract address of the form `@RANDOM/unit/UNIT/ID` before it connects.
 * @throws IamTokenError `forbidden`
 */
function identifyPeer(
  socket: Socket,
  { decideAccess, getPeerAddress }: CredentialServerParts,
): { readonly unit: string; readonly credential: string } {
  const decision = decideAccess(socket);
  if ('rejectionReason' in decision) throw forbidden(decision.rejectionReason);
  if (decision.isOtherUser) throw forbidden(`the peer is another user (uid ${decision.uid ?? 'unknown'})`);
  const address = getPeerAddress(socket) ?? '';
  const { unit, credential } =
    /^@[\da-f]+\/unit\/(?<unit>[\w:.\\@-]+)\/(?<credential>[\x21-\x7e]+)$/.exec(address)?.groups ?? {};
  if (unit !== undefined && credential !== undefined) return { unit, credential };
  throw forbidden('its address names no unit and credential, as that of systemd does');
}

function forbidden(message: string): IamTokenError {
  return new IamTokenError({ code: 'forbidden', message });
}

/** @throws IamTokenError `bad_request` */
function profileOf(credential: string): string | undefined {
  if (credential === credentialName) return undefined;
  if (credential.startsWith(`${credentialName}.`)) return credential.slice(credentialName.length + 1);
  throw new IamTokenError({
    code: 'bad_request',
    message: `LoadCredential= takes the credential ${credentialName} or ${credentialName}.PROFILE`,
  });
}
