import { once } from 'node:events';
import type { Server } from 'node:net';

/** Connections that may wait to be accepted: a thousand shells may call at once. Linux caps this at `somaxconn`, 4,096. */
const backlog = 4_096;

export type ListenAddress =
  { readonly path: string } | { readonly fd: number } | { readonly host: string; readonly port: number };

/**
 * Starts to listen. The socket file has mode 0600 from the moment it exists.
 * @throws the system's error, such as `EADDRINUSE`
 */
export async function listenPrivately(server: Server, address: ListenAddress): Promise<void> {
  const listening = once(server, 'listening');
  const umask = process.umask(0o177);
  try {
    server.listen({ ...address, backlog });
  } finally {
    process.umask(umask);
  }
  await listening;
}
