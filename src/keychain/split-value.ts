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

/** How many pieces the value has whose head this is, itself counted; 0 if it is not a head. */
export function pieceCount(head: string): number {
  return Number(headPattern.exec(head)?.[1] ?? 0);
}

/** The value that was split into exactly these pieces; `null` if they are not of one piece. */
export function joinValue(pieces: readonly string[]): string | null {
  const [head = '', ...rest] = pieces;
  const [header, count, digest] = headPattern.exec(head) ?? [];
  if (header === undefined || Number(count) !== pieces.length) return null;
  const value = head.slice(header.length) + rest.join('');
  return digestOf(value) === digest ? value : null;
}

function digestOf(value: string): string {
  return createHash('sha256').update(value).digest('base64url').slice(0, 22);
}

function chunksOf(value: string, atMostBytes: number): readonly string[] {
  const bytes = Buffer.from(value);
  const chunks: string[] = [];
  for (let start = 0, end = 0; start < bytes.length; start = end) {
    end = start + atMostBytes;
    // Back to where a character begins (not 10xxxxxx): half of one would not survive UTF-8.
    while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    chunks.push(bytes.toString('utf8', start, end));
  }
  return chunks;
}
