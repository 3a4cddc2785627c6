import { existsSync, lstatSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode, errorReason } from '../shared/error-utils.ts';
import { systemFiles } from '../files/file-system.ts';
import { removeAbandonedSocket } from '../files/sockets/abandoned-socket.ts';
import { IamTokenError, type Problem, problemOf } from '../shared/errors.ts';
import type { Hint } from '../shared/hint.ts';
import { quotePosixWord } from '../shared/shell-quoting.ts';
import type { CredentialStore } from '../stores/credential-store.ts';
import { removeKeyFile } from '../stores/file/key-file.ts';
import type { UserFolders } from '../platform/paths.ts';
import { CredentialSlots } from './profiles/credential-slots.ts';
import { openProfileRegistry, type Registry } from './profiles/profile-registry.ts';

export interface PurgeOptions {
  readonly store: CredentialStore;
  readonly folders: UserFolders;
  readonly uid: number | null;
  /** The paths of the IPC sockets that the daemon has used. */
  readonly sockets: readonly string[];
  /** The key of the file store; `null`: it has no file. */
  readonly keyFile: { readonly path: string } | 'unreadable' | null;
}

/**
 * Removes all files and credentials of a daemon; the caller holds its locks. What cannot be removed does not keep the rest.
 * While the keychain may have items, the profile list stays, so that another purge finds them.
 * @returns warnings of what is left as it is
 * @throws IamTokenError that names what is left
 */
export async function purge({
  store,
  folders: { config, state, log },
  uid,
  sockets,
  keyFile,
}: PurgeOptions): Promise<readonly string[]> {
  const hasFileStore = existsSync(join(state, 'store'));
  const registry = await readRegistry(config, uid);
  const keychainProblem =
    store.kind === 'keychain'
      ? await removeKeychainItems(store, config, uid)
      : findEarlierItems(store.kind, registry);
  await store.close();
  // Release 0.1.0 did not record its store: if there is a file store, that had the credentials.
  const isFileStoreAssumed =
    hasFileStore && store.kind === 'keychain' && registry !== null && registry.store === undefined;
  const problem = isFileStoreAssumed ? null : keychainProblem;
  const profileList = problem === null ? null : join(config, 'profiles.json');
  const remainingPaths = [...new Set([config, state, log])].flatMap((folder) =>
    removeFolder(folder, profileList),
  );
  for (const socket of sockets) remainingPaths.push(...(await removeAbandonedSocket(socket, uid)));
  const keptKey = await removeConfiguredKey(keyFile, uid);
  if (problem === null && remainingPaths.length === 0) {
    const keychainWarning =
      keychainProblem && `deleted the file store, but could not remove ${keychainProblem.message}`;
    return [keychainWarning, keptKey].filter((warning) => warning !== null);
  }
  const remaining = [problem?.message, ...remainingPaths, keptKey].filter(Boolean);
  throw new IamTokenError({
    code: problem?.code ?? 'internal',
    message: `not everything was deleted: ${remaining.join('; ')}`,
    hint:
      problem === null ? 'iam-token uninstall --purge' : (problem.hint ?? hintsWithoutKeychain(config, uid)),
  });
}

/** @returns what stays; `null`: nothing */
async function removeConfiguredKey(
  keyFile: PurgeOptions['keyFile'],
  uid: number | null,
): Promise<string | null> {
  if (keyFile === 'unreadable')
    return 'the configuration could not be read: if it named a key file, delete that too';
  return keyFile === null ? null : removeKeyFile(keyFile.path, systemFiles(uid));
}

function hintsWithoutKeychain(configFolder: string, uid: number | null): Hint {
  return [
    'once the keychain is available: iam-token uninstall --purge',
    ...(uid === null ? [] : [`if there is no keychain: rm -r ${quotePosixWord(configFolder)}`]),
  ];
}

/** @returns `null` if it is invalid */
async function readRegistry(configFolder: string, uid: number | null): Promise<Registry | null> {
  try {
    return (await openProfileRegistry(configFolder, uid)).current;
  } catch {
    return null;
  }
}

/** The items that the keychain has if the store in use is another one. */
function findEarlierItems(kind: CredentialStore['kind'], registry: Registry | null): Problem | null {
  return registry === null || listKeychainSlots(registry, kind).length === 0
    ? null
    : {
        code: 'keychain_unavailable',
        message: 'credentials of an earlier store, in the keychain',
        hint: 'iam-tokend --store keychain --purge',
      };
}

/** @param kind the store of a registry that does not record it */
function listKeychainSlots(registry: Registry, kind: CredentialStore['kind']): readonly string[] {
  const { store = kind, profiles, discarded, abandoned = {} } = registry;
  // A slot of the folder that this one was copied from is left to that folder.
  const liveSlots = Object.values(profiles).filter(({ originalInstance }) => originalInstance === undefined);
  const ownSlots = [...liveSlots.map(({ slot }) => slot), ...discarded];
  return [...(store === 'keychain' ? ownSlots : []), ...(abandoned.keychain ?? [])];
}

/** @returns what is left and why; `null`: nothing */
async function removeKeychainItems(
  store: CredentialStore,
  configFolder: string,
  uid: number | null,
): Promise<Problem | null> {
  let what = 'the items in the keychain';
  try {
    // Throws for an invalid list, with the reason.
    const registry = await openProfileRegistry(configFolder, uid);
    const slots = new CredentialSlots(store, registry, { write: () => undefined });
    const names = new Map(Object.entries(registry.current.profiles).map(([name, { slot }]) => [slot, name]));
    for (const slot of new Set(listKeychainSlots(registry.current, 'keychain'))) {
      const name = names.get(slot);
      what =
        name === undefined
          ? 'a replaced credential in the keychain'
          : `the credential of ${name} in the keychain`;
      await slots.remove(slot, 'interactive');
    }
    return null;
  } catch (error) {
    const { code, message } = problemOf(error);
    return { code, message: `${what} (${message})` };
  }
}

/**
 * @param keptFile stays, with its folder
 * @returns what could not be removed and why
 */
function removeFolder(folder: string, keptFile: string | null): readonly string[] {
  try {
    const paths = readdirSync(folder).map((name) => join(folder, name));
    const remaining = paths.filter((path) => path !== keptFile).flatMap(removePath);
    if (remaining.length > 0 || paths.some((path) => path === keptFile)) return remaining;
    if (!lstatSync(folder).isSymbolicLink()) rmdirSync(folder);
    // What it led to is empty now, and may be a folder of another program.
    else rmSync(folder);
    return [];
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? [] : [`${folder} (${errorReason(error)})`];
  }
}

function removePath(path: string): readonly string[] {
  try {
    rmSync(path, { recursive: true, force: true });
    return [];
  } catch (error) {
    return [`${path} (${errorReason(error)})`];
  }
}
