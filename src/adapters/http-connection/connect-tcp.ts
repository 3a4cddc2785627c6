import dns, { type LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { type Clock, sleep } from '../../shared/clock.ts';
import { raceSignal } from '../../shared/race-signal.ts';

/** RFC 8305, section 5, "Connection Attempt Delay". */
const attemptDelayMs = 250;

/**
 * Connects to the first address of `host` that answers, as RFC 8305 describes: attempts start 250 ms apart, or as soon as
 * the previous one fails, and each continues until one succeeds or `signal` aborts. Node would cancel an attempt after
 * 250 ms, before it tries the next address: too early for a satellite link or after a lost packet.
 * @throws the error of the lookup, or an `AggregateError` with one error for each address
 */
export async function connectTcp(
  { host, port }: { readonly host: string; readonly port: number },
  clock: Clock,
  signal: AbortSignal,
): Promise<Socket> {
  const addresses = alternateFamilies(await raceSignal(lookUp(host), signal));
  const sockets: Socket[] = [];
  const attempts: Promise<Socket>[] = [];
  let winner: Socket | null = null;
  try {
    for (const address of addresses) {
      const socket = connect({ host: address, port, noDelay: true });
      const attempt = once(socket, 'connect', { signal }).then(() => socket);
      // Errors that follow are the caller's.
      socket.on('error', () => undefined);
      sockets.push(socket);
      attempts.push(attempt);
      const nextOutcome = Promise.race([
        Promise.any(attempts).then(isTrue, isFalse),
        attempt.then(isTrue, isFalse),
        sleep(clock, attemptDelayMs).then(isFalse),
      ]);
      if ((await nextOutcome) || signal.aborted) break;
    }
    winner = await Promise.any(attempts);
    return winner;
  } finally {
    for (const socket of sockets) if (socket !== winner) socket.destroy();
  }
}

const isTrue = (): boolean => true;
const isFalse = (): boolean => false;

function lookUp(host: string): Promise<readonly LookupAddress[]> {
  const family = isIP(host);
  if (family !== 0) return Promise.resolve([{ address: host, family }]);
  return new Promise((resolve, reject) => {
    dns.lookup(host, { all: true }, (error, addresses) => {
      if (error === null) resolve(addresses);
      else reject(error);
    });
  });
}

/** RFC 8305, section 4: the family of the first address comes first, then they alternate. */
function alternateFamilies(addresses: readonly LookupAddress[]): readonly string[] {
  const preferred = addresses.filter(({ family }) => family === addresses[0]?.family);
  const others = addresses.filter(({ family }) => family !== addresses[0]?.family);
  return addresses
    .flatMap((_, index) => [...preferred.slice(index, index + 1), ...others.slice(index, index + 1)])
    .map(({ address }) => address);
}
