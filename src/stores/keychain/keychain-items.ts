/**
 * Values in the keychain. A value that is too long for an item is split into several. The first piece, the head, holds
 * their number and the digest of the value, so a mixture of two writes, or a part of one, is never read as a value.
 */
import { createHash } from 'node:crypto';
import type { Keytar } from './keytar-library.ts';

/** The service of all items; their account is the key. */
export const serviceName = 'iam-tokend';

export interface KeychainItems {
  /** `null` also after an interrupted write. */
  read(key: string): Promise<string | null>;
  write(key: string, value: string): Promise<void>;
  remove(key: string): Promise<void>;
}

export function createKeychainItems(keytar: Keytar, maxItemBytes: number | null): KeychainItems {
  const getItem = (account: string): Promise<string | null> => keytar.getPassword(serviceName, account);
  const setItem = (account: string, value: string): Promise<void> =>
    keytar.setPassword(serviceName, account, value);
  const deleteItem = (account: string): Promise<boolean> => keytar.deletePassword(serviceName, account);

  if (maxItemBytes === null) {
    return {
      read: getItem,
      write: setItem,
      async remove(key) {
        await deleteItem(key);
      },
    };
  }

  /** Removes the pieces from `firstIndex` on, the last one first, so that an interruption leaves no gap. */
  async function deletePieces(key: string, firstIndex: number): Promise<void> {
    let endIndex = firstIndex;
    while ((await getItem(pieceKey(key, endIndex))) !== null) endIndex += 1;
    while (endIndex > firstIndex) await deleteItem(pieceKey(key, --endIndex));
  }

  return {
    async read(key) {
      const head = await getItem(key);
      if (head === null) return null;
      const pieces = [head];
      for (let index = 1; index < pieceCountOf(head); index++) {
        const piece = await getItem(pieceKey(key, index));
        if (piece === null) return null;
        pieces.push(piece);
      }
      return joinValue(pieces);
    },

    /** Writes the head last: before that, an old value is intact or invalid, and a new one has no head. */
    async write(key, value) {
      const [head = '', ...rest] = splitValue(value, maxItemBytes);
      for (const [index, piece] of rest.entries()) await setItem(pieceKey(key, index + 1), piece);
      await setItem(key, head);
      await deletePieces(key, rest.length + 1);
    },

    async remove(key) {
      await deleteItem(key);
      await deletePieces(key, 1);
    },
  };
}

/** No key contains `~`, so a piece cannot collide with another key. */
function pieceKey(key: string, index: number): string {
  return `${key}~${index}`;
}

/**
 * The limit of an item in bytes of UTF-8; `null` if there is none.
 * Windows: CRED_MAX_CREDENTIAL_BLOB_SIZE, 5 * 512 (learn.microsoft.com, CREDENTIALW), and keytar stores UTF-8
 * (`keytar_win.cc`).
 */
export function maxItemBytes(platform: NodeJS.Platform): number | null {
  return platform === 'win32' ? 2_560 : null;
}

const headPattern = /^(\d{1,5})\.([\w-]{22}):/;
const maxHeaderBytes = 5 + 1 + 22 + 1;

/**
 * The pieces of `value`, head first, each of at most `maxBytes` bytes of UTF-8.
 * @param maxBytes at least 64
 */
export function splitValue(value: string, maxBytes: number): readonly string[] {
  const [firstPiece = '', ...rest] = splitUtf8(value, maxBytes - maxHeaderBytes);
  return [`${rest.length + 1}.${digestOf(value)}:${firstPiece}`, ...rest];
}

/** The number of pieces that a head declares, including itself; 0 if it is not a head. */
export function pieceCountOf(head: string): number {
  return Number(headPattern.exec(head)?.[1] ?? 0);
}

/** `null` if the pieces do not belong to one value. */
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

function splitUtf8(value: string, maxBytes: number): readonly string[] {
  const bytes = Buffer.from(value);
  const chunks: string[] = [];
  for (let start = 0, end = 0; start < bytes.length; start = end) {
    end = start + maxBytes;
    // Back to the start of a character (not 10xxxxxx): a part of one is not valid UTF-8.
    while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    chunks.push(bytes.toString('utf8', start, end));
  }
  return chunks;
}
