import { type FileOperations, systemFiles } from '../../files/file-system.ts';
import type { Clock } from '../../shared/clock.ts';
import { CallQueue } from '../call-queue.ts';
import {
  type CredentialStore,
  type Interaction,
  probeStoreState,
  type StoreState,
} from '../credential-store.ts';
import { diskNotResponding } from './file-store-problems.ts';
import type { KeyLocation } from './key-file.ts';
import type { KeySource } from './key-source.ts';
import { createPassphraseKeySource } from './passphrase-key-source.ts';
import {
  forgetKnownTag,
  readSealedFile,
  type SealedFileStorage,
  writeSealedFile,
} from './sealed-file-storage.ts';
import { type Items, type UnlockedKey, unseal } from './sealed-file.ts';
import { SharedReads } from './shared-reads.ts';
import { createStoredKeySource } from './stored-key-source.ts';

export interface FileStoreOptions {
  /** Its folder is created with the store, mode 0700. */
  readonly path: string;
  readonly key: { readonly kind: 'passphrase' } | KeyLocation;
  /** Must own the files; `null` on Windows. */
  readonly uid: number | null;
  readonly clock: Pick<Clock, 'timeoutSignal'>;
  readonly fs?: FileOperations;
  /**
   * For a new store: scrypt takes 2^log2N KiB. 10 to 18; default 17, the first choice of OWASP's Password Storage Cheat
   * Sheet (128 MiB, 0.4 s).
   */
  readonly log2N?: number;
}

const timeoutMs = { background: 10_000, interactive: 120_000 } as const;

/**
 * Credentials in one encrypted file, for a machine without a keychain. No item stays in memory: calls read the
 * file, so every change on the disk is seen. They run one at a time, so no write is lost. A file that another program
 * changed is not overwritten before the next `unlock`.
 *
 * With a passphrase, the store is `locked` until `unlock`; a wrong or empty passphrase is `locked` too and does not close
 * an open store. With a key file or a systemd credential, it is open while the key is readable, and the first `write`
 * creates it.
 */
export function createFileStore(options: FileStoreOptions): CredentialStore {
  const { path, key, uid, clock, fs, log2N = 17 } = options;
  const fsContext = fs === undefined ? systemFiles(uid) : { fs, uid };
  const file = { path, name: 'the file store', errorCode: 'keychain_unavailable' } as const;
  const storage: SealedFileStorage = { file, fsContext, knownTag: null };
  const keySource =
    key.kind === 'passphrase'
      ? createPassphraseKeySource(storage, log2N)
      : createStoredKeySource(storage, key);
  const run = createRunner(path, clock);
  const sharedReads = new SharedReads((interaction, onStart) =>
    run(interaction, async () => {
      onStart();
      return (await load(storage, keySource)).items;
    }),
  );
  let lockController = new AbortController();

  function lock(): void {
    lockController.abort();
    lockController = new AbortController();
    keySource.lock();
  }

  /** @param change returns the new items; `null` when there is nothing to write */
  async function update(interaction: Interaction, change: (items: Items) => Items | null): Promise<void> {
    sharedReads.separate();
    await run(interaction, async () => {
      const stored = await load(storage, keySource);
      const items = change(stored.items);
      if (items !== null) await writeSealedFile(storage, stored.key ?? (await keySource.create()), items);
    });
  }

  return {
    kind: 'file',
    lock,
    state: () => probeStoreState(() => run('background', () => loadState(storage, keySource))),
    read: async (name, interaction) => (await sharedReads.get(interaction)).get(name) ?? null,
    readTogether: async (names, interaction) => selectItems(await sharedReads.get(interaction), names),
    write: (name, value, interaction) => update(interaction, (items) => new Map(items).set(name, value)),
    remove: (name, interaction) => update(interaction, (items) => withoutItem(items, name)),
    unlock: async (passphrase) => {
      const { signal } = lockController;
      sharedReads.separate();
      await run('interactive', async () => {
        forgetKnownTag(storage);
        if (passphrase === null) await load(storage, keySource);
        else await keySource.unlock(passphrase, signal);
      });
    },
    close: async () => {
      lock();
      // Waits for the running call, whose caller gets its error.
      await run('background', async () => {}).catch(() => undefined);
    },
  };
}

type Runner = <T>(interaction: Interaction, work: () => Promise<T>) => Promise<T>;

/** Runs calls one at a time. A call that has started goes on after its deadline, and the next one waits for it. */
function createRunner(path: string, clock: FileStoreOptions['clock']): Runner {
  const createError = (cause: unknown): Error => diskNotResponding(path, cause);
  const queue = new CallQueue({ clock, createBusyError: createError, createTimeoutError: createError });
  return (interaction, work) => {
    const stallTimeoutMs = timeoutMs[interaction];
    const startDeadline = (): AbortSignal => clock.timeoutSignal(timeoutMs[interaction]);
    return queue.run({ stallTimeoutMs, startDeadline }, work);
  };
}

interface StoredItems {
  /** `null` for a new store, whose key does not exist yet. */
  readonly key: UnlockedKey | null;
  readonly items: Items;
}

async function load(storage: SealedFileStorage, keySource: KeySource): Promise<StoredItems> {
  const sealedFile = await readSealedFile(storage);
  const key = await keySource.find(sealedFile);
  if (sealedFile === null || key === null) return { key, items: new Map() };
  const items = unseal(sealedFile, key.key);
  if (items === null) throw keySource.wrongKeyError();
  return { key, items };
}

async function loadState(storage: SealedFileStorage, keySource: KeySource): Promise<StoreState> {
  const state = await probeStoreState(async () => {
    await load(storage, keySource);
    return { kind: 'open' };
  });
  if (state.kind === 'open' || state.problem.code !== 'locked') return state;
  return { ...state, passphrase: (await readSealedFile(storage)) === null ? 'new' : 'needed' };
}

function selectItems(items: Items, names: readonly string[]): Items {
  return new Map(
    names.flatMap((name) => {
      const value = items.get(name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

function withoutItem(items: Items, name: string): Items | null {
  return items.has(name) ? new Map([...items].filter(([itemName]) => itemName !== name)) : null;
}
