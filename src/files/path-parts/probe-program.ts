import { open, stat } from 'node:fs/promises';
import { errorCode } from '../../shared/error-utils.ts';
import type { FileDeadline } from '../file-deadline.ts';

/** As much of the first line as Linux reads. */
const headBytes = 256;
const interpreterPattern = /^#![ \t]*([^ \t\n]+)/;

/**
 * Reads the beginning of a program, and of the interpreter that its first line names. To look for a program and to start
 * it waits for its file system, and the daemon with it; this does not.
 *
 * @returns whether the program is there
 * @throws Error if a file system does not respond within 2 s
 */
export async function probeProgram(path: string, deadline: FileDeadline): Promise<boolean> {
  const head = await deadline.run(`program ${path}`, () => readHead(path));
  const [, interpreter] = interpreterPattern.exec(head ?? '') ?? [];
  if (interpreter !== undefined) await deadline.run(`program ${interpreter}`, () => readHead(interpreter));
  return head !== null;
}

/** Empty if it cannot be read, as a file that may be executed only; `null` if there is none. */
async function readHead(path: string): Promise<string | null> {
  try {
    // To open a device may do something.
    if (!(await stat(path)).isFile()) return '';
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    return errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR' ? null : '';
  }
}
