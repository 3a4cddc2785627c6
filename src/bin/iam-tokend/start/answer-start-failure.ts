import { createServer } from 'node:net';
import { createNodeIpcServer } from '../../../adapters/node-ipc-server.ts';
import { listenPrivately } from '../../../files/sockets/listen-privately.ts';
import { protocolVersion } from '../../../protocol/envelope.ts';
import { credentialFailure } from '../../../service/credential-server.ts';
import { type Clock, sleep } from '../../../shared/clock.ts';
import type { Problem } from '../../../shared/errors.ts';
import type { ServiceEnvironment } from '../../../service/service-notifier.ts';

/** With the unit's pause of 3 s, a client waits for an answer for less than its 10 s, and starts stay below the unit's limit. */
const answerTimeMs = 5_000;

/**
 * Gives the reason to the clients that wait on the socket of systemd, for 5 s. Without that they would hang, and systemd
 * would start the daemon again for the same connections until its start limit closes the socket.
 */
export async function answerStartFailure(
  { listenFd, credentialFd }: Pick<ServiceEnvironment, 'listenFd' | 'credentialFd'>,
  reason: string,
  isSystemWide: boolean,
  clock: Clock,
): Promise<void> {
  if (listenFd === null) return;
  // The members of the group must not see the configuration of the machine.
  const error: Problem & { readonly hint: string } = {
    code: 'unavailable',
    message: `iam-tokend cannot start${isSystemWide ? '' : `: ${reason}`}`,
    hint: isSystemWide ? 'sudo journalctl --unit iam-tokend.service --lines 20' : 'iam-token doctor',
    retryAfterMs: answerTimeMs,
  };
  const server = await createNodeIpcServer({
    listenOn: { fd: listenFd },
    platform: process.platform,
    clock,
    onMessage: (data, peer) => peer.send({ v: protocolVersion, id: requestIdOf(data), error }),
    onError: () => undefined,
    onListenError: () => undefined,
  });
  await server.listen();
  const closeFailing = credentialFd === null ? null : await failCredentials(credentialFd);
  await sleep(clock, answerTimeMs);
  closeFailing?.();
  await server.close();
}

/** Units that wait for a credential fail: without an answer, their start would hang. @returns stops that */
async function failCredentials(fd: number): Promise<() => void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined).resume();
    socket.end(credentialFailure);
  });
  await listenPrivately(server, { fd });
  return () => void server.close();
}

function requestIdOf(data: unknown): number | null {
  const id: unknown = typeof data === 'object' && data !== null && 'id' in data ? data.id : null;
  return typeof id === 'number' ? id : null;
}
