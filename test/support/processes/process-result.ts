import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

export interface ProcessResult {
  /** `null` if a signal ended the process. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The output and the exit code of a process. Rejects if it could not be started.
 * @param stdin ignored if the process has no stdin pipe
 */
export async function waitForExit(
  child: ChildProcessByStdio<Writable | null, Readable, Readable>,
  stdin: string | Buffer = '',
): Promise<ProcessResult> {
  child.stdin?.on('error', () => undefined); // The process may exit without reading.
  child.stdin?.end(stdin);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}
