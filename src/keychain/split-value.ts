/**
 * A value that is too long for one item of the keychain, cut into several. The first piece, the head, says how
 * many there are and what they must come to together, so that a mixture of two writes, or half of one, is never
 * taken for a value.
 */
import { createHash } from 'node:crypto';

/**
 * How many bytes of UTF-8 an item may hold; `null` where there is no limit to mind.
 * Windows: CRED_MAX_CREDENTIAL_BLOB_SIZE, 5 * 512 (learn.microsoft.com, CREDENTIALW), and keytar stores UTF-8
 * (`keytar_win.cc`).
 */
export function itemAtMostBytes(platform: NodeJS.Platform): number | null {
  return platform === 'win32' ? 2_560 : null;
}

const headPattern = /^(\d{1,5})\.([\w-]{22}):/;
const headerAtMostBytes = 5 + 1 + 22 + 1;

/**
 * The pieces of `value`, the head in front; none has more than `atMostBytes` bytes of UTF-8.
 * @param atMostBytes at least 64
 */
export function splitValue(value: string, atMostBytes: number): readonly string[] {
  const [first = '', ...rest] = chunksOf(value, atMostBytes - headerAtMostBytes);
  return [`${rest.length + 1}.${digestOf(value)}:${first}`, ...rest];
}

/** How many pieces the value has whose head this is, itself counted; `null` if it is not a head. */
export function pieceCount(head: string): number | null {
  const [, count] = headPattern.exec(head) ?? [];
  return count === undefined || Number(count) === 0 ? null : Number(count);
}

/** The value that was split into exactly these pieces; `null` if they are not of one piece. */
export function joinValue(pieces: readonly string[]): string | null {
  const [head = '', ...rest] = pieces;
  const [header, , digest] = headPattern.exec(head) ?? [];
  if (header === undefined || pieceCount(head) !== pieces.length) return null;
  const value = head.slice(header.length) + rest.join('');
  return digestOf(value) === digest ? value : null;
}

function digestOf(value: string): string {
  return createHash('sha256').update(value).digest('base64url').slice(0, 22);
}

/** Never cuts a character in two, which would not survive UTF-8. */
function chunksOf(value: string, atMostBytes: number): readonly string[] {
  const chunks: string[] = [];
  let start = 0;
  let end = 0;
  let bytes = 0;
  for (const character of value) {
    const more = Buffer.byteLength(character);
    if (bytes + more > atMostBytes) {
      chunks.push(value.slice(start, end));
      start = end;
      bytes = 0;
    }
    end += character.length;
    bytes += more;
  }
  chunks.push(value.slice(start));
  return chunks;
}
