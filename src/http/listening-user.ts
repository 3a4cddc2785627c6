/** Who listens at a TCP port of this machine, and how to find the program (proc_pid_net(5), ss(8)). */
import { readFile } from 'node:fs/promises';

/** @returns the uid of the program that listens at the port; `null` if the kernel does not tell */
export async function findListeningUid(
  port: number,
  readTables: () => Promise<string> = readProcTables,
): Promise<number | null> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  // local, remote, state 0A (listen), queues, timer, retransmits, uid
  const row = new RegExp(String.raw`: \w+:${hexPort} \w+:0000 0A \S+ \S+ \S+ +(\d+) `);
  try {
    const uid = row.exec(await readTables())?.[1];
    return uid === undefined ? null : Number(uid);
  } catch {
    return null; // No /proc.
  }
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
