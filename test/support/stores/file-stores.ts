import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { CredentialStore } from '../../../src/stores/credential-store.ts';
import { createFileStore, type FileStoreOptions } from '../../../src/stores/file/file-store.ts';
import { IamTokenError, problemOf, renderProblem, type WireProblem } from '../../../src/shared/errors.ts';
import { Secret } from '../../../src/shared/secret.ts';
import { createRealClock } from '../time/real-clock.ts';
import { useTemporaryFolder } from '../temporary-folder.ts';

export const uid = process.getuid?.() ?? null;
export const correctPassphrase = new Secret('correct horse');
export const wrongPassphrase = new Secret('correct mouse');

/** The last resort after the loss of the key or the file. */
export const newStoreHint =
  "start a new store: mv '/iam-tokend/store' '/iam-tokend/store.old'\nthen: iam-token login";

export const writeItem = (store: CredentialStore, key: string, value: string): Promise<void> =>
  store.write(key, new Secret(value), 'background');

export const readItem = async (store: CredentialStore, key: string): Promise<string | null> =>
  (await store.read(key, 'background'))?.expose() ?? null;

export async function captureProblem(operation: Promise<unknown>): Promise<WireProblem> {
  try {
    await operation;
  } catch (error) {
    assert.ok(error instanceof IamTokenError, String(error));
    return renderProblem(problemOf(error));
  }
  return assert.fail('it did not fail');
}

/** File stores in a new folder for each test. */
export function useFileStores() {
  const folder = useTemporaryFolder();
  const storeFolder = (): string => join(folder(), 'iam-tokend');
  const path = (): string => join(storeFolder(), 'store');
  const keyPath = (): string => join(folder(), 'key');

  function createStore(options: Partial<FileStoreOptions> = {}): CredentialStore {
    // The minimum cost keeps the tests fast.
    const defaults = {
      path: path(),
      key: { kind: 'passphrase' },
      uid,
      clock: createRealClock(),
      log2N: 10,
    } as const;
    return createFileStore({ ...defaults, ...options });
  }

  const createKeyFileStore = (options: Partial<FileStoreOptions> = {}): CredentialStore =>
    createStore({ key: { kind: 'key-file', path: keyPath() }, ...options });

  const createSystemdStore = (name = 'key', credentialsFolder: string | null = folder()): CredentialStore =>
    createStore({ key: { kind: 'credential', name, folder: credentialsFolder } });

  async function createUnlockedStore(options: Partial<FileStoreOptions> = {}): Promise<CredentialStore> {
    const unlockedStore = createStore(options);
    await unlockedStore.unlock(correctPassphrase);
    return unlockedStore;
  }

  /** `code: message | hint`, with paths relative to the test's folder. */
  async function problemTextOf(operation: Promise<unknown>): Promise<string> {
    const { code, message, hint } = await captureProblem(operation);
    return `${code}: ${message} | ${hint}`.replaceAll(folder(), '');
  }

  async function stateTextOf(closedStore: CredentialStore): Promise<string> {
    const state = await closedStore.state();
    return state.kind === 'open' ? 'open' : problemTextOf(Promise.reject(new IamTokenError(state.problem)));
  }

  return {
    folder,
    storeFolder,
    path,
    keyPath,
    createStore,
    createKeyFileStore,
    createSystemdStore,
    createUnlockedStore,
    problemTextOf,
    stateTextOf,
  };
}
