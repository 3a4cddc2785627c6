/**
 * Values in the keychain, each of several items where one has no room for it. The first piece, the head, says how many
 * there are and what they must come to together, so that a mixture of two writes, or half of one, is never taken for a
 * value.
 */
import { createHash } from 'node:crypto';
import type { Keytar } from './keytar-library.ts';

/** Under which all our items are kept; the account is the key. */
export const serviceName = 'iam-tokend';

export interface KeychainItems {
  /** `null` as well for what a write that never ended has left. */
  read(key: string): Promise<string | null>;
  write(key: string, value: string): Promise<void>;
  remove(key: string): Promise<void>;
}

export function keychainItems(keytar: Keytar, itemAtMostBytes: number | null): KeychainItems {
  const get = (account: string): Promise<string | null> => keytar.getPassword(serviceName, account);
  const set = (account: string, value: string): Promise<void> =>
    keytar.setPassword(serviceName, account, value);
  const drop = (account: string): Promise<boolean> => keytar.deletePassword(serviceName, account);

  if (itemAtMostBytes === null) {
    return {
      read: get,
      write: set,
      async remove(key) {
        await drop(key);
      },
    };
  }

  /** Removes the pieces from `first` on, the last one first: so what is left can always be found from piece 1 on. */
  async function dropPieces(key: string, first: number): Promise<void> {
    let end = first;
    while ((await get(pieceKey(key, end))) !== null) end += 1;
    while (end > first) await drop(pieceKey(key, --end));
  }

  return {
    async read(key) {
      const head = await get(key);
      if (head === null) return null;
      const pieces = [head];
      for (let index = 1; index < pieceCount(head); index++) {
        const piece = await get(pieceKey(key, index));
        if (piece === null) return null;
        pieces.push(piece);
      }
      return joinValue(pieces);
    },

    /** The head goes last: until then an old value is whole, or mixed and so no value, and a new one has no head. */
    async write(key, value) {
      const [head = '', ...rest] = splitValue(value, itemAtMostBytes);
      for (const [index, piece] of rest.entries()) await set(pieceKey(key, index + 1), piece);
      await set(key, head);
      await dropPieces(key, rest.length + 1);
    },

    async remove(key) {
      await drop(key);
      await dropPieces(key, 1);
    },
  };
}

/** `~` is in no key, so a piece never has the name of another key's item. */
function pieceKey(key: string, index: number): string {
  return `${key}~${index}`;
}

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
