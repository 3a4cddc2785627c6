import { closeSync, openSync, readSync } from 'node:fs';

/**
 * At most the first bytes of a file, of files in /proc too, whose size is not known.
 * @throws the system's error
 */
export function readFileHead(path: string, maxBytes: number): string {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(maxBytes);
    let length = 0;
    for (let count = -1; count !== 0 && length < maxBytes; length += count)
      count = readSync(fd, buffer, length, maxBytes - length, null);
    return buffer.toString('latin1', 0, length);
  } finally {
    closeSync(fd);
  }
}
