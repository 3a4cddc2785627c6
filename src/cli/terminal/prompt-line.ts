import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SilentExit } from '../cli-errors.ts';
import { escapeControlCharacters } from './escape.ts';

export interface LinePrompt {
  readonly message: string;
  /** The meaning of an empty answer. */
  readonly defaultAnswer?: string | undefined;
  /** Completes the answer at Tab as the path of a file; `~` is this folder. */
  readonly home?: string;
}

/**
 * Prompts for a line that is shown while it is typed.
 * @returns the answer without blanks around it
 * @throws SilentExit on Ctrl-C, and if the terminal is closed
 */
export async function promptLine({ message, defaultAnswer = '', home }: LinePrompt): Promise<string> {
  const { createInterface } = await import('node:readline');
  const suffix = defaultAnswer === '' ? '' : ` [${escapeControlCharacters(defaultAnswer)}]`;
  const lines = createInterface({
    input: process.stdin,
    output: process.stderr,
    terminal: true,
    historySize: 0,
    prompt: `${message}${suffix}: `,
    ...(home === undefined ? {} : { completer: (text: string) => [completePath(text, home), text] }),
  });
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      const interrupt = (): void => reject(new SilentExit('interrupted'));
      lines.once('line', resolve).once('SIGINT', interrupt).once('close', interrupt);
      lines.prompt();
    });
    return answer.trim() || defaultAnswer;
  } catch (error) {
    process.stderr.write('\n');
    throw error;
  } finally {
    lines.close();
    // Node stops reading stdin in the next tick, and would stop the next prompt too.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The files and folders whose paths begin with the text. Names with control characters are omitted. */
export function completePath(text: string, home: string): string[] {
  const typedFolder = text.endsWith('/') ? text : text.slice(0, text.length - basename(text).length);
  const prefix = text.slice(typedFolder.length);
  const folder = expandHome(typedFolder, home) || '.';
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith(prefix) && !/\p{C}/u.test(name))
      .filter((name) => prefix.startsWith('.') || !name.startsWith('.'))
      .map((name) => typedFolder + name + (isFolder(join(folder, name)) ? '/' : ''))
      .toSorted();
  } catch {
    return []; // No such folder, or not readable.
  }
}

/** A shell does not see what is typed at a prompt. */
export function expandHome(path: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : path;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
