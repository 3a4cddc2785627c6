/**
 * The keychain of Linux: finds the items of iam-tokend in whichever collection they are, and makes every call that may
 * require a prompt. Tested with gnome-keyring 42, KWallet 5.103 and KeePassXC 2.7.4.
 *
 * libsecret, which keytar uses, shows each prompt that a service asks for, and writes to the default collection only. So
 * keytar reads the items that are open, and everything else is done here, without a prompt unless a user waits for it.
 */
import { IamTokenError, type Problem } from '../../shared/errors.ts';
import {
  itemNeedsConfirmation,
  possibleKeyringsLocked,
  promptDismissed,
  writeNeedsConfirmation,
} from '../keychain/keychain-problems.ts';
import type { UnlockItems } from '../keychain/helper-messages.ts';
import {
  collectionOf,
  findCollectionProblem,
  hasOpenCollection,
  listLockedCollections,
  listUnsearchableLabels,
  openCollections,
  openDefaultCollection,
  readDefaultCollection,
  requireOpenCollection,
} from './collections.ts';
import { ConfirmingServices, type ServiceIdentity } from './confirming-services.ts';
import { SharedConnection, type SharedConnectionParts, type ServiceAccess } from './shared-connection.ts';
import type { Attributes, FoundItems, SecretServiceClient } from './secret-service-client.ts';
import { toKeychainError } from './secret-service-errors.ts';

export type ReadResult =
  | { readonly kind: 'absent' }
  /** Open, in a service that confirms no items: keytar can read it without a prompt. */
  | { readonly kind: 'open' }
  | { readonly kind: 'value'; readonly value: string };

/**
 * Each method throws `IamTokenError` when a collection that it needs is not open. Only a call with a `promptSignal` shows
 * prompts; it waits for them until the signal aborts.
 */
export interface SecretService {
  /**
   * Resolves when the collections of these items are open, or the default one for items that do not exist.
   * @returns the name of a service that may ask the user before each write; `null` if it does not
   */
  check(keys: readonly string[]): Promise<string | null>;
  /** Opens the collections, then asks for access to items; an item that the user refuses stays locked. */
  unlock(items: UnlockItems, promptSignal: AbortSignal): Promise<void>;
  read(key: string): Promise<ReadResult>;
  /** Replaces the item where it is, or creates it in the default collection. */
  write(key: string, value: string, promptSignal: AbortSignal | null): Promise<void>;
  remove(key: string, promptSignal: AbortSignal | null): Promise<void>;
}

export interface SecretServiceParts extends SharedConnectionParts {
  /** The attribute `service` of all items; their `account` is the key. */
  readonly serviceName: string;
  readonly readProcessName?: (pid: number) => string | null;
}

/** Of libsecret's schema, so that keytar finds the items. */
const schemaAttribute = { 'xdg:schema': 'org.freedesktop.Secret.Generic' };

export function createSecretService(parts: SecretServiceParts): SecretService {
  return new LinuxKeychain(parts);
}

class LinuxKeychain implements SecretService {
  readonly #serviceName: string;
  readonly #connection: SharedConnection;
  readonly #confirming: ConfirmingServices;

  constructor(parts: SecretServiceParts) {
    this.#serviceName = parts.serviceName;
    this.#connection = new SharedConnection(parts);
    this.#confirming = new ConfirmingServices(parts.readProcessName);
  }

  async check(keys: readonly string[]): Promise<string | null> {
    // Not the shared connection, which a prompt may occupy.
    const checking = this.#connection.useOther(async ({ client }) => {
      const defaultCollection = await readDefaultCollection(client);
      await requireOpenCollection(client, defaultCollection);
      const identity = await this.#confirming.identify(client);
      const { locked } = await client.search({ service: this.#serviceName });
      const lockedLabels = keys.length === 0 ? [] : await listUnsearchableLabels(client, identity);
      // Most often one search is enough: no item of any iam-tokend is locked, and none is hidden.
      const foundCount =
        defaultCollection.problem !== null || locked.length > 0 || lockedLabels.length > 0
          ? await this.#countOpenItems(client, keys, identity)
          : 0;
      if (foundCount === 0 || foundCount < keys.length) throwIfAny(defaultCollection.problem);
      // With items in an open one, the store can be used, and the profile of another item has the problem.
      if (foundCount === 0 && lockedLabels.length > 0)
        throw new IamTokenError(possibleKeyringsLocked(lockedLabels));
      return this.#confirming.has(identity) ? identity.name : null;
    });
    return checking.catch(throwKeychainError);
  }

  unlock({ keys, accessKeys, purpose }: UnlockItems, promptSignal: AbortSignal): Promise<void> {
    return this.#run(promptSignal, async (access) => {
      const { createClient } = access;
      if (keys.length === 0 || !(await hasOpenCollection(createClient())))
        await openDefaultCollection(access, promptSignal);
      const identity = await this.#confirming.identify(createClient());
      const { lockedItems, isComplete } = await this.#findLockedItems(createClient(), keys);
      const mayBeElsewhere = !isComplete && purpose !== 'write' && identity.searchesUnlockedOnly;
      const itemCollections = new Set(lockedItems.map(collectionOf));
      const closedCollections = (await listLockedCollections(createClient())).filter(
        (path) => mayBeElsewhere || itemCollections.has(path),
      );
      await openCollections(access, closedCollections, promptSignal);
      if (purpose === 'remove') return;
      if (!isComplete) await openDefaultCollection(access, promptSignal);
      await this.#requestAccess(access, accessKeys, identity, promptSignal);
    });
  }

  read(key: string): Promise<ReadResult> {
    return this.#run(null, async ({ client, getSession }) => {
      const { identity, found } = await this.#find(client, key);
      const [item] = found.unlocked;
      if (item === undefined) {
        await this.#requireUnlocked(client, found.locked, identity);
        await requireConclusiveSearch(client, identity);
        return { kind: 'absent' };
      }
      if (!this.#confirming.has(identity)) return { kind: 'open' };
      const session = await getSession();
      return { kind: 'value', value: session.decrypt(await client.getSecret(item, session.path)) };
    });
  }

  write(key: string, value: string, promptSignal: AbortSignal | null): Promise<void> {
    return this.#run(promptSignal, async (access) => {
      const { client } = access;
      const { identity, found } = await this.#find(client, key);
      if (promptSignal === null) this.#requireNoConfirmation(identity);
      const [item, ...duplicates] = found.unlocked;
      if (item === undefined) {
        await this.#requireUnlocked(client, found.locked, identity);
        throwIfAny((await readDefaultCollection(client)).problem);
      }
      const secret = (await access.getSession()).encrypt(value);
      if (item === undefined) {
        const attributes = { ...this.#attributesOf(key), ...schemaAttribute };
        const prompt = await client.createItem(attributes, `${this.#serviceName}/${key}`, secret);
        return this.#answerPrompt(access, prompt, identity, promptSignal);
      }
      await client.setSecret(item, secret);
      // Left by 0.1.0, which wrote to the default collection, wherever the item was.
      for (const duplicate of duplicates)
        await this.#answerPrompt(
          access,
          await access.createClient().deleteItem(duplicate),
          identity,
          promptSignal,
        );
    });
  }

  remove(key: string, promptSignal: AbortSignal | null): Promise<void> {
    return this.#run(promptSignal, async (access) => {
      const { client, createClient } = access;
      const { identity, found } = await this.#find(client, key);
      const items = [...found.unlocked, ...found.locked];
      if (items.length === 0) return requireConclusiveSearch(client, identity);
      for (const item of found.locked) throwIfAny(await findCollectionProblem(client, collectionOf(item)));
      if (found.locked.length > 0) this.#confirming.add(identity);
      if (promptSignal === null) this.#requireNoConfirmation(identity);
      for (const item of items)
        await this.#answerPrompt(access, await createClient().deleteItem(item), identity, promptSignal);
      const { unlocked, locked } = await createClient().search(this.#attributesOf(key));
      if (unlocked.length + locked.length > 0) throw new IamTokenError(promptDismissed);
    });
  }

  async #run<T>(promptSignal: AbortSignal | null, work: (access: ServiceAccess) => Promise<T>): Promise<T> {
    const connection = this.#connection;
    const result = promptSignal === null ? connection.use(work) : connection.useForPrompt(work, promptSignal);
    return result.catch(throwKeychainError);
  }

  #attributesOf(key: string): Attributes {
    return { service: this.#serviceName, account: key };
  }

  async #find(
    client: SecretServiceClient,
    key: string,
  ): Promise<{ readonly identity: ServiceIdentity; readonly found: FoundItems }> {
    await requireOpenCollection(client, await readDefaultCollection(client));
    const identity = await this.#confirming.identify(client);
    return { identity, found: await client.search(this.#attributesOf(key)) };
  }

  /** @throws IamTokenError if the collection of one of them is locked; an item that is locked by itself counts */
  async #countOpenItems(
    client: SecretServiceClient,
    keys: readonly string[],
    identity: ServiceIdentity,
  ): Promise<number> {
    let count = 0;
    for (const key of keys) {
      const { unlocked, locked } = await client.search(this.#attributesOf(key));
      const [lockedItem] = locked;
      if (unlocked.length === 0 && lockedItem !== undefined) {
        throwIfAny(await findCollectionProblem(client, collectionOf(lockedItem)));
        this.#confirming.add(identity);
      }
      if (unlocked.length > 0 || lockedItem !== undefined) count += 1;
    }
    return count;
  }

  /** Of the items that have no open copy. `isComplete`: all keys were found. */
  async #findLockedItems(
    client: SecretServiceClient,
    keys: readonly string[],
  ): Promise<{ readonly lockedItems: readonly string[]; readonly isComplete: boolean }> {
    const lockedItems: string[] = [];
    let isComplete = true;
    for (const key of keys) {
      const { unlocked, locked } = await client.search(this.#attributesOf(key));
      if (unlocked.length === 0) lockedItems.push(...locked);
      if (unlocked.length + locked.length === 0) isComplete = false;
    }
    return { lockedItems, isComplete };
  }

  /** One prompt for all items. */
  async #requestAccess(
    { createClient }: ServiceAccess,
    keys: readonly string[],
    identity: ServiceIdentity,
    promptSignal: AbortSignal,
  ): Promise<void> {
    const { lockedItems } = await this.#findLockedItems(createClient(), keys);
    const prompt = lockedItems.length === 0 ? null : await createClient().unlock(lockedItems);
    if (prompt === null) return;
    this.#confirming.add(identity);
    try {
      await createClient().showPrompt(prompt, promptSignal);
    } catch (error) {
      // KeePassXC reports a dismissed prompt if one item is refused; the others are open.
      if (!(error instanceof IamTokenError) || promptSignal.aborted) throw error;
    }
  }

  /** @throws IamTokenError for an item that is locked, by its collection or by itself */
  async #requireUnlocked(
    client: SecretServiceClient,
    [lockedItem]: readonly string[],
    identity: ServiceIdentity,
  ): Promise<void> {
    if (lockedItem === undefined) return;
    throwIfAny(await findCollectionProblem(client, collectionOf(lockedItem)));
    this.#confirming.add(identity);
    throw new IamTokenError(itemNeedsConfirmation(identity.name));
  }

  #requireNoConfirmation(identity: ServiceIdentity): void {
    if (this.#confirming.has(identity)) throw new IamTokenError(writeNeedsConfirmation(identity.name));
  }

  /** In the background, a prompt is not shown, and the service counts as confirming from now on. */
  async #answerPrompt(
    { createClient }: ServiceAccess,
    prompt: string | null,
    identity: ServiceIdentity,
    promptSignal: AbortSignal | null,
  ): Promise<void> {
    if (prompt === null) return;
    this.#confirming.add(identity);
    if (promptSignal === null) throw new IamTokenError(writeNeedsConfirmation(identity.name));
    await createClient().showPrompt(prompt, promptSignal);
  }
}

/** @throws IamTokenError if an item that was not found may exist in a locked collection */
async function requireConclusiveSearch(
  client: SecretServiceClient,
  identity: ServiceIdentity,
): Promise<void> {
  throwIfAny((await readDefaultCollection(client)).problem);
  const lockedLabels = await listUnsearchableLabels(client, identity);
  if (lockedLabels.length > 0) throw new IamTokenError(possibleKeyringsLocked(lockedLabels));
}

function throwIfAny(problem: Problem | null): void {
  if (problem !== null) throw new IamTokenError(problem);
}

function throwKeychainError(error: unknown): never {
  throw toKeychainError(error);
}
