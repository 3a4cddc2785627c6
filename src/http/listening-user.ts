/** Who listens at a TCP port of this machine, and how to find the program (proc_pid_net(5), ss(8)). */
import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { endianness } from 'node:os';

/**
 * @param host an IP address, as in `metadata.listen` and `metrics.listen`
 * @returns the uid of a program that listens there, or at all addresses; for all addresses, of one that listens at any;
 *   `null` if the kernel does not tell
 */
export async function findListeningUid(
  { host, port }: { readonly host: string; readonly port: number },
  readTables: () => Promise<string> = readProcTables,
): Promise<number | null> {
  const address = formatProcAddress(host);
  const isAll = /^0+$/.test(address);
  const addresses = isAll ? String.raw`\w+` : [...takenBy[isIPv4(host) ? 4 : 6], address].join('|');
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  // local, remote, state 0A (listen), queues, timer, retransmits, uid
  const row = new RegExp(String.raw`: (?:${addresses}):${hexPort} \w+:0000 0A \S+ \S+ \S+ +(\d+) `);
  try {
    const uid = row.exec(await readTables())?.[1];
    return uid === undefined ? null : Number(uid);
  } catch {
    return null; // No /proc.
  }
}

const allIPv4 = '0'.repeat(8);
const allIPv6 = '0'.repeat(32);
/** A socket at all addresses of IPv6 may take those of IPv4 too. */
const takenBy = { 4: [allIPv4, allIPv6], 6: [allIPv6] } as const;

/** As the kernel prints it: each 32 bits of the address as a number of this machine. */
function formatProcAddress(host: string): string {
  const bytes = isIPv4(host) ? host.split('.').map(Number) : parseIPv6(host);
  const isLittleEndian = endianness() === 'LE';
  const words = Array.from({ length: bytes.length / 4 }, (_, index) => {
    const word = bytes.slice(index * 4, index * 4 + 4);
    return isLittleEndian ? word.toReversed() : word;
  });
  return words
    .flat()
    .map((byte) => byte.toString(16).toUpperCase().padStart(2, '0'))
    .join('');
}

/** The 16 bytes of an address, which may have a zone. */
function parseIPv6(host: string): readonly number[] {
  // The URL parser writes all forms of an address as hexadecimal groups.
  const { hostname } = new URL(`http://[${host.replace(/%.*/, '')}]`);
  const [head = [], tail = []] = hostname
    .slice(1, -1)
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(8 - head.length - tail.length).fill('0');
  return [...head, ...zeros, ...tail].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

async function readProcTables(): Promise<string> {
  const tables = ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'latin1').catch(() => ''));
  return (await Promise.all(tables)).join('');
}

/** A command that shows the program; only root sees those of another user. */
export function findListenerCommand(
  port: number,
  isOtherUser: boolean,
  platform: NodeJS.Platform = process.platform,
): string {
  if (platform === 'win32') return `netstat -ano -p tcp | findstr :${port}`;
  const sudo = isOtherUser ? 'sudo ' : '';
  return platform === 'linux'
    ? `${sudo}ss -Hltnp 'sport = :${port}'`
    : `${sudo}lsof -nP -iTCP:${port} -sTCP:LISTEN`;
}
