import { readFileSync, readlinkSync } from 'node:fs';

/** The path that an open Unix socket was bound to; `null` if it cannot be determined. proc_net(5), unix. */
export function findBoundPath(fd: number): string | null {
  try {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`)) ?? [];
    // Num, RefCount, Protocol, Flags, Type, St, Inode, Path.
    const row = new RegExp(String.raw`^(?:\S+ ){6} *${inode} (/.*)$`, 'm');
    return row.exec(readFileSync('/proc/self/net/unix', 'utf8'))?.[1] ?? null;
  } catch {
    return null; // Not Linux.
  }
}
