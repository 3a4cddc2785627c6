import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

export interface Ended {
  /** `null` where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * All that a process says, and how it ends. Rejects where it could not be started.
 * @param stdin what it may read, where it has one
 */
export async function ended(
  child: ChildProcessByStdio<Writable | null, Readable, Readable>,
  stdin: string | Buffer = '',
): Promise<Ended> {
  child.stdin?.on('error', () => undefined); // it may end without reading
  child.stdin?.end(stdin);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}
