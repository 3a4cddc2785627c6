import { connect } from 'node:net';

/** systemd's limit for a credential. */
const maxBytes = 1024 * 1024;

/**
 * Reads a credential as systemd 252 does: connects, ends its side, and reads at most 1 MiB.
 * @returns the text; `null` if systemd would refuse it
 */
export function readCredential(path: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ path, allowHalfOpen: true }).setEncoding('latin1');
    socket.once('error', reject);
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > maxBytes) socket.destroy();
    });
    socket.once('close', () => resolve(text.length > maxBytes ? null : text));
    socket.once('end', () => socket.destroy());
    socket.end();
  });
}
