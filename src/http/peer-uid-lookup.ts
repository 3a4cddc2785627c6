/** Finds the uid at the other end of a loopback connection in /proc/net (proc_pid_net(5)). Linux only. */
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { TurnLimiter } from './turn-limiter.ts';

type EndpointField = 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort';
export type SocketEndpoints = Partial<Pick<Socket, EndpointField>>;

/** The kernel may skip a row while sockets come and go. */
const maxReads = 3;
/** The tables have a row for each socket of the machine, and any user can open thousands. */
const searchesPerTurn = 8;

/** @returns a function that returns the uid of a peer, or `null` if it is not found */
export function createPeerUidLookup(
  readTables: () => Promise<string> = readProcTables,
): (endpoints: SocketEndpoints) => Promise<number | null> {
  let currentRead: Promise<unknown> = Promise.resolve();
  let nextRead: Promise<string> | null = null;
  const turns = new TurnLimiter(searchesPerTurn);

  /** The tables as read after this call; concurrent calls share one read. */
  function readFreshTables(): Promise<string> {
    nextRead ??= currentRead.then(() => {
      nextRead = null;
      const read = readTables();
      currentRead = read.catch(() => undefined);
      return read;
    });
    return nextRead;
  }

  return async (endpoints) => {
    for (let read = 0; read < maxReads; read += 1) {
      const tables = await readFreshTables();
      await turns.next();
      const uid = findUidInTables(tables, endpoints);
      if (uid !== null) return uid;
    }
    return null;
  };
}

async function readProcTables(): Promise<string> {
  const [v4, v6] = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'latin1')));
  return `${v4}${v6}`;
}

/** The peer's own row has local and remote endpoint swapped. */
function findUidInTables(
  tables: string,
  { remoteAddress, remotePort, localAddress, localPort }: SocketEndpoints,
): number | null {
  const remoteEndpoint = formatKernelEndpoint(remoteAddress, remotePort);
  const localEndpoint = formatKernelEndpoint(localAddress, localPort);
  if (remoteEndpoint === null || localEndpoint === null) return null;
  // local, remote, state, queues, timer, retransmits, uid, timeout, inode
  const row = new RegExp(
    String.raw`: (?:${mappedV4Prefix})?${remoteEndpoint} (?:${mappedV4Prefix})?${localEndpoint} \w\w \S+ \S+ \S+ +(\d+) +\d+ (\d+) `,
  ).exec(tables);
  // A closed socket has no inode, and is listed as root's.
  return row === null || row[2] === '0' ? null : Number(row[1]);
}

/** An IPv6 socket may be connected to 127.0.0.1. */
const mappedV4Prefix = '0000000000000000FFFF0000';
const v6Loopback = '00000000000000000000000001000000';

/** In the kernel's notation: 32-bit words in the byte order of the machine; little-endian is assumed. */
function formatKernelEndpoint(address: string | undefined, port: number | undefined): string | null {
  if (address === undefined || port === undefined) return null;
  const host =
    address === '::1'
      ? v6Loopback
      : address
          .split('.')
          .toReversed()
          .map((byte) => formatHex(Number(byte), 2))
          .join('');
  return `${host}:${formatHex(port, 4)}`;
}

function formatHex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}
