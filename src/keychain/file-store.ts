import type { KeyObject } from 'node:crypto';
import * as promises from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../shared/clock.ts';
import { orAborted } from '../shared/or-aborted.ts';
import { Secret } from '../shared/secret.ts';
import { type CredentialStore, type Manner, stateOf, type StoreState } from './credential-store.ts';
import {
  diskSilent,
  locked,
  missingKey,
  notMadeYet,
  otherKind,
  takesNoPassphrase,
  unreadable,
  wrongKey,
  wrongPassphrase,
} from './file-store-problems.ts';
import { checkFolder, type FileCalls, folderOf, readGuarded, replaceGuarded } from './guarded-file.ts';
import { type KeyPlace, makeKeyFile, readKey } from './key-file.ts';
import { OneAtATime } from './one-at-a-time.ts';
import {
  type Items,
  keyFromBytes,
  keyFromPassphrase,
  type KeyRecipe,
  newRecipe,
  openSealed,
  parseSealed,
  seal,
  type SealedFile,
} from './sealed-file.ts';

export interface FileStoreOptions {
  /** Its folder is made, 0700, with the store. */
  readonly path: string;
  readonly key: { readonly kind: 'passphrase' } | KeyPlace;
  /** Whose the files must be; `null` on Windows. */
  readonly uid: number | null;
  readonly clock: Pick<Clock, 'deadline'>;
  readonly fs?: FileCalls;
  /** For a new store: scrypt takes 2^log2N KiB. 10 to 18; 17 is OWASP's first choice (128 MiB, 0.4 s). */
  readonly log2N?: number;
}

interface Opener {
  readonly recipe: KeyRecipe;
  readonly key: KeyObject;
}

/** Some thousand credentials. */
const atMostBytes = 4 * 1024 * 1024;

const withinMs = { unasked: 10_000, asked: 120_000 } as const;

/**
 * Credentials in one encrypted file, for a machine without a keychain. No item is kept in memory: each call reads the
 * file, so that what was done to it is seen, and all calls take turns, so that none loses what another wrote.
 *
 * With a passphrase it starts closed, answers `locked`, and opens with `unlock`; one that is wrong or empty is `locked`
 * too, and leaves an open store open. With a key file or a systemd credential it opens by itself, for as long as that
 * can be read, and the first `write` makes it.
 */
export function createFileStore(options: FileStoreOptions): CredentialStore {
  const { path, key: source, uid, clock, fs = promises, log2N = 17 } = options;
  const disk = { fs, uid };
  const file = { path, name: 'the file store' };
  const turns = new OneAtATime();
  /** The passphrase's key, while the store is open. */
  let held: Opener | null = null;
  let timesLocked = 0;

  /** What has begun when its time is up goes on, and keeps the others waiting. */
  async function inTurn<T>(manner: Manner, work: () => Promise<T>): Promise<T> {
    const deadline = clock.deadline(withinMs[manner]);
    try {
      return await orAborted(turns.run(work, deadline), deadline);
    } catch (error) {
      throw error === deadline.reason ? diskSilent(path, error) : error;
    }
  }

  async function sealedFile(): Promise<SealedFile | null> {
    const isThere = await checkFolder(folderOf(file), disk);
    const bytes = isThere ? await readGuarded(file, atMostBytes, disk) : null;
    if (bytes === null) return null;
    const parsed = parseSealed(bytes);
    if (typeof parsed === 'string') throw unreadable(path, parsed);
    return parsed;
  }

  /** What opens the store; called for the first write to one that has neither file nor key, it makes the key. */
  async function openerOf(sealed: SealedFile | null): Promise<() => Promise<Opener>> {
    const made = sealed?.recipe.kind;
    if (made !== undefined && (made === 'passphrase') !== (source.kind === 'passphrase')) {
      throw otherKind(path, made);
    }
    if (source.kind === 'passphrase') {
      if (held === null) throw sealed === null ? notMadeYet(path) : locked('the file store is locked');
      const opener = held;
      if (sealed === null || isDeepStrictEqual(sealed.recipe, opener.recipe)) return async () => opener;
      throw locked('another file store lies in the place of the one that was unlocked');
    }
    const key = await readKey(source, disk);
    if (key !== null) return async () => keyOpener(key, sealed?.recipe);
    if (sealed !== null || source.kind !== 'key-file') throw missingKey(path, source);
    return async () => keyOpener(await makeKeyFile(source.path, disk));
  }

  async function load(): Promise<{ readonly opener: () => Promise<Opener>; readonly items: Items }> {
    const sealed = await sealedFile();
    const opener = await openerOf(sealed);
    if (sealed === null) return { opener, items: new Map() };
    const items = openSealed(sealed, (await opener()).key);
    if (items !== null) return { opener, items };
    // A passphrase has opened this store when it was given, so it is the file that is wrong.
    throw source.kind === 'passphrase' ? unreadable(path, 'damaged') : wrongKey(path, source);
  }

  async function save({ recipe, key }: Opener, items: Items): Promise<void> {
    const opens = (readBack: Buffer): boolean => {
      const parsed = parseSealed(readBack);
      return typeof parsed !== 'string' && openSealed(parsed, key) !== null;
    };
    await replaceGuarded(file, seal(recipe, key, items), atMostBytes, opens, disk);
  }

  async function stateNow(): Promise<StoreState> {
    const state = await stateOf(async () => {
      await load();
      return { kind: 'open' };
    });
    if (state.kind === 'open' || state.problem.code !== 'locked') return state;
    return { ...state, passphrase: (await sealedFile()) === null ? 'new' : 'needed' };
  }

  async function unlockNow(passphrase: Secret | null, stillWanted: () => boolean): Promise<void> {
    if (passphrase === null) {
      await load();
      return;
    }
    if (source.kind !== 'passphrase') throw takesNoPassphrase();
    if (passphrase.equals(new Secret(''))) throw locked('the passphrase is empty');
    const sealed = await sealedFile();
    const recipe = sealed?.recipe ?? newRecipe(log2N);
    if (recipe.kind !== 'passphrase') throw otherKind(path, recipe.kind);
    const opener = { recipe, key: await keyFromPassphrase(passphrase, recipe) };
    if (sealed === null) await save(opener, new Map());
    else if (openSealed(sealed, opener.key) === null) throw wrongPassphrase(path);
    if (!stillWanted()) throw locked('the file store was locked again meanwhile');
    held = opener;
  }

  function lock(): void {
    timesLocked += 1;
    held = null;
  }

  return {
    kind: 'file',
    lock,

    async unlock(passphrase) {
      const before = timesLocked;
      await inTurn('asked', () => unlockNow(passphrase, () => timesLocked === before));
    },

    state: () => stateOf(() => inTurn('unasked', stateNow)),

    async read(key, manner) {
      const { items } = await inTurn(manner, load);
      return items.get(key) ?? null;
    },

    async write(key, value, manner) {
      await inTurn(manner, async () => {
        const { opener, items } = await load();
        await save(await opener(), new Map(items).set(key, value));
      });
    },

    async remove(key, manner) {
      await inTurn(manner, async () => {
        const { opener, items } = await load();
        if (!items.has(key)) return;
        await save(await opener(), new Map([...items].filter(([name]) => name !== key)));
      });
    },

    async close() {
      lock();
      // Only the wait for what was begun; how that ended was told to whoever began it.
      await inTurn('unasked', async () => {}).catch(() => undefined);
    },
  };
}

function keyOpener(key: Buffer, recipe = newRecipe()): Opener {
  return { recipe, key: keyFromBytes(key, recipe.salt) };
}
