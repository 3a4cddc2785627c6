/** Which collections of a Secret Service are open, and opening them. */
import { IamTokenError, type Problem } from '../../shared/errors.ts';
import {
  keyringLocked,
  namedKeyringLocked,
  noDefaultCollection,
  noKeyring,
  promptDismissed,
} from '../keychain/keychain-problems.ts';
import type { ServiceIdentity } from './confirming-services.ts';
import type { ServiceAccess } from './shared-connection.ts';
import { defaultAliasPath, type SecretServiceClient } from './secret-service-client.ts';

/** The collection with the alias `default`, in which items are created. */
export interface DefaultCollection {
  /** `null` if none exists. */
  readonly path: string | null;
  /** `null` if it is open. */
  readonly problem: Problem | null;
}

/** By the object in which items are created: some services answer `ReadAlias` with a collection and have no such object. */
export async function readDefaultCollection(client: SecretServiceClient): Promise<DefaultCollection> {
  const path = await client.readDefaultPath();
  if (path === null) return { path: null, problem: noKeyring };
  const isLocked = await client.readLocked(defaultAliasPath, 'Collection');
  if (isLocked !== null) return { path, problem: isLocked ? keyringLocked : null };
  const exists = (await client.readLocked(path, 'Collection')) !== null;
  return { path: null, problem: exists ? noDefaultCollection : noKeyring };
}

/** Whether a search opens no prompt: KeePassXC opens one if it has nothing to search in. */
export async function hasOpenCollection(client: SecretServiceClient): Promise<boolean> {
  for (const path of await client.listCollections())
    if ((await client.readLocked(path, 'Collection')) === false) return true;
  return false;
}

/**
 * Before a search.
 * @throws IamTokenError `problem` if no collection is open
 */
export async function requireOpenCollection(
  client: SecretServiceClient,
  { problem }: DefaultCollection,
): Promise<void> {
  if (problem !== null && !(await hasOpenCollection(client))) throw new IamTokenError(problem);
}

export async function listLockedCollections(client: SecretServiceClient): Promise<readonly string[]> {
  const lockedPaths: string[] = [];
  for (const path of await client.listCollections())
    if ((await client.readLocked(path, 'Collection')) === true) lockedPaths.push(path);
  return lockedPaths;
}

/** Of the collections that a search leaves out. */
export async function listUnsearchableLabels(
  client: SecretServiceClient,
  { searchesUnlockedOnly }: ServiceIdentity,
): Promise<readonly string[]> {
  if (!searchesUnlockedOnly) return [];
  return Promise.all((await listLockedCollections(client)).map((path) => client.readLabel(path)));
}

/** "Object Paths" of the Secret Service API: the path of an item is below that of its collection. */
export function collectionOf(itemPath: string): string {
  return itemPath.slice(0, itemPath.lastIndexOf('/'));
}

/** The problem of a locked collection with an item of iam-tokend; `null` if it is open. */
export async function findCollectionProblem(
  client: SecretServiceClient,
  collection: string,
): Promise<Problem | null> {
  const isLocked = await client.readLocked(collection, 'Collection');
  if (isLocked === false) return null;
  const isDefault = isLocked === null || collection === (await client.readDefaultPath());
  return isDefault ? keyringLocked : namedKeyringLocked(await client.readLabel(collection));
}

/**
 * Opens or creates the default collection, with a prompt if necessary.
 * @throws IamTokenError `keychain_locked` if the user dismisses the prompt
 */
export async function openDefaultCollection(
  { createClient }: ServiceAccess,
  promptSignal: AbortSignal,
): Promise<void> {
  const client = createClient();
  const { path, problem } = await readDefaultCollection(client);
  if (problem === null) return;
  const prompt = await (path === null ? client.createDefaultCollection() : client.unlock([path]));
  if (prompt !== null) await client.showPrompt(prompt, promptSignal);
  const { problem: remaining } = await readDefaultCollection(createClient());
  if (remaining !== null)
    throw new IamTokenError(remaining.code === 'keychain_locked' ? promptDismissed : remaining);
}

/** As `openDefaultCollection`, for existing collections. */
export async function openCollections(
  { createClient }: ServiceAccess,
  paths: readonly string[],
  promptSignal: AbortSignal,
): Promise<void> {
  if (paths.length === 0) return;
  const prompt = await createClient().unlock(paths);
  if (prompt !== null) await createClient().showPrompt(prompt, promptSignal);
  const client = createClient();
  for (const path of paths)
    if ((await client.readLocked(path, 'Collection')) === true) throw new IamTokenError(promptDismissed);
}
