import type { IamTokenError } from '../client/iam-token-error.ts';
import { Secret } from '../shared/secret.ts';
import { QuietEnd, usageError } from './endings.ts';
import { HiddenLine } from './hidden-line.ts';
import { say } from './terminal.ts';

/** A secret has at most this many bytes. */
export const secretAtMostBytes = 65_536;

/**
 * Asks for a secret, of which nothing is shown.
 * @throws QuietEnd on Ctrl-C; IamTokenError `bad_request` when it is too long
 */
export async function promptHidden(question: string): Promise<Secret> {
  const { stdin } = process;
  const line = new HiddenLine(secretAtMostBytes);
  let stopListening = (): void => {};
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.resume();
  say(question);
  try {
    await new Promise<void>((resolve, reject) => {
      const onData = (piece: string): void => {
        const state = line.type(piece);
        if (state === 'interrupted') reject(new QuietEnd('interrupted'));
        else if (state === 'too_long') reject(tooLong());
        else if (state === 'done') resolve();
      };
      const onEnd = (): void => reject(new QuietEnd('interrupted'));
      stdin.on('data', onData).once('error', reject).once('end', onEnd);
      stopListening = () => stdin.off('data', onData).off('error', reject).off('end', onEnd);
    });
  } finally {
    stdin.setRawMode(false);
    // Another question may follow.
    stdin.pause();
    stopListening();
    say('\n');
  }
  return new Secret(line.text.trim());
}

/**
 * One line of stdin, or all of it where no line ends.
 * @throws IamTokenError `bad_request` when it is too long
 */
export async function readSecretLine(): Promise<Secret> {
  return new Secret((await readStdin('\n')).trim());
}

/** @throws IamTokenError `bad_request` when it is too long */
export async function readAllOfStdin(): Promise<Secret> {
  return new Secret(await readStdin(null));
}

/** @param end ends it early, and is no part of it */
async function readStdin(end: string | null): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of process.stdin as AsyncIterable<Buffer>) {
    const endsAt = end === null ? -1 : piece.indexOf(end);
    const taken = endsAt === -1 ? piece : piece.subarray(0, endsAt);
    pieces.push(taken);
    bytes += taken.length;
    if (bytes > secretAtMostBytes) throw tooLong();
    if (endsAt !== -1) break;
  }
  return Buffer.concat(pieces).toString('utf8');
}

export function tooLong(): IamTokenError {
  return usageError(`that is no credential: it has over ${secretAtMostBytes} bytes`);
}
