import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { CredentialStore } from '../../src/keychain/credential-store.ts';
import { createFileStore, type FileStoreOptions } from '../../src/keychain/file-store.ts';
import { type Problem, ProblemError } from '../../src/shared/errors.ts';
import { Secret } from '../../src/shared/secret.ts';
import { realClock } from './real-clock.ts';
import { temporaryFolder } from './temporary-folder.ts';

export const uid = process.getuid?.() ?? null;
export const right = new Secret('correct horse');
export const wrong = new Secret('correct house');

/** Where a person ends who has lost the key or the file. */
export const startAnew =
  "move it away and log in anew: mv '/iam-tokend/store' '/iam-tokend/store.old' && iam-token login";

export const write = (to: CredentialStore, key: string, value: string): Promise<void> =>
  to.write(key, new Secret(value), 'unasked');

export const read = async (from: CredentialStore, key: string): Promise<string | null> =>
  (await from.read(key, 'unasked'))?.expose() ?? null;

export async function problem(work: Promise<unknown>): Promise<Problem> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof ProblemError, String(error));
    return error.problem;
  }
  return assert.fail('it was not refused');
}

/** Stores in a folder of its own for each test of the suite that calls this. */
export function fileStores() {
  const folder = temporaryFolder();
  const home = (): string => join(folder(), 'iam-tokend');
  const path = (): string => join(home(), 'store');
  const keyPath = (): string => join(folder(), 'key');

  function store(options: Partial<FileStoreOptions> = {}): CredentialStore {
    // The least that is allowed: what scrypt costs is not what is tested here.
    const usual = { path: path(), key: { kind: 'passphrase' }, uid, clock: realClock(), log2N: 10 } as const;
    return createFileStore({ ...usual, ...options });
  }

  const keyStore = (options: Partial<FileStoreOptions> = {}): CredentialStore =>
    store({ key: { kind: 'key-file', path: keyPath() }, ...options });

  const credentialStore = (name = 'key', given: string | null = folder()): CredentialStore =>
    store({ key: { kind: 'credential', name, folder: given } });

  async function unlocked(options: Partial<FileStoreOptions> = {}): Promise<CredentialStore> {
    const opened = store(options);
    await opened.unlock(right);
    return opened;
  }

  /** As a person sees it, with the paths within the test's folder. */
  async function said(work: Promise<unknown>): Promise<string> {
    const { code, message, hint } = await problem(work);
    return `${code}: ${message} | ${hint}`.replaceAll(folder(), '');
  }

  async function saidByState(closed: CredentialStore): Promise<string> {
    const state = await closed.state();
    return state.kind === 'open' ? 'open' : said(Promise.reject(new ProblemError(state.problem)));
  }

  return { folder, home, path, keyPath, store, keyStore, credentialStore, unlocked, said, saidByState };
}
