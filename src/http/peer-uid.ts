/** Whose program is at the other end of a loopback connection, as Linux tells it in /proc/net (proc_pid_net(5)). */
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';

type End = 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort';
export type Ends = Partial<Pick<Socket, End>>;

/** Sockets come and go while the kernel writes the table, and a row may be missed on the way. */
const readsAtMost = 3;

/** @returns asks for the uid of a peer; `null` where it cannot be found */
export function peerUids(
  readTables: () => Promise<string> = procTables,
): (ends: Ends) => Promise<number | null> {
  let reading: Promise<unknown> = Promise.resolve();
  let next: Promise<string> | null = null;

  /** As they are after now; many who ask at once get one reading. */
  function tables(): Promise<string> {
    next ??= reading.then(() => {
      next = null;
      const read = readTables();
      reading = read.catch(() => undefined);
      return read;
    });
    return next;
  }

  return async (ends) => {
    for (let read = 0; read < readsAtMost; read += 1) {
      const uid = uidIn(await tables(), ends);
      if (uid !== null) return uid;
    }
    return null;
  };
}

async function procTables(): Promise<string> {
  const [v4, v6] = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'latin1')));
  return `${v4}${v6}`;
}

/** The peer's own row is the one that has our ends the other way round. */
function uidIn(tables: string, { remoteAddress, remotePort, localAddress, localPort }: Ends): number | null {
  const theirs = written(remoteAddress, remotePort);
  const ours = written(localAddress, localPort);
  if (theirs === null || ours === null) return null;
  // local, remote, state, queues, timer, retransmits, uid, timeout, inode
  const row = new RegExp(
    String.raw`: (?:${v4InV6})?${theirs} (?:${v4InV6})?${ours} \w\w \S+ \S+ \S+ +(\d+) +\d+ (\d+) `,
  ).exec(tables);
  // One that its program has closed has no inode any more, and counts as root's.
  return row === null || row[2] === '0' ? null : Number(row[1]);
}

/** A program may use a socket for IPv6 to reach 127.0.0.1. */
const v4InV6 = '0000000000000000FFFF0000';
const v6Loopback = '00000000000000000000000001000000';

/** As the kernel writes it: each 32 bits in the machine's byte order, which is little-endian wherever Node is common. */
function written(address: string | undefined, port: number | undefined): string | null {
  if (address === undefined || port === undefined) return null;
  const host =
    address === '::1'
      ? v6Loopback
      : address
          .split('.')
          .toReversed()
          .map((byte) => hex(Number(byte), 2))
          .join('');
  return `${host}:${hex(port, 4)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}
