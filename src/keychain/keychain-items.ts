import type { Keytar } from './keytar-library.ts';
import { joinValue, pieceCount, splitValue } from './split-value.ts';

/** Under which all our items are kept; the account is the key. */
export const serviceName = 'iam-tokend';

/** Values in the keychain, in several items each where one has no room for them. */
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
