import { lstatSync } from 'node:fs';
import { connect } from 'node:net';
import { errorCode } from '../../shared/error-utils.ts';

const connectTimeoutMs = 2_000;

/** @returns `null` when a connection succeeds, otherwise the code of the error */
export function probeSocket(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.setTimeout(connectTimeoutMs, () => finish('ETIMEDOUT'));
    socket.once('connect', () => finish(null));
    socket.once('error', (error) => finish(errorCode(error) ?? 'unknown'));

    function finish(code: string | null): void {
      socket.destroy();
      resolve(code);
    }
  });
}

export function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch {
    return false; // Missing, or part of the path is not a folder.
  }
}

/** A socket without a listener. */
export async function isStaleSocket(path: string): Promise<boolean> {
  return isSocket(path) && (await probeSocket(path)) === 'ECONNREFUSED';
}
