/**
 * The calls of the Secret Service that iam-tokend makes, one method each. No method shows a prompt, except `showPrompt`.
 * specifications.freedesktop.org/secret-service (0.2)
 */
import { IamTokenError } from '../../shared/errors.ts';
import { promptDismissed, promptTimedOut } from '../keychain/keychain-problems.ts';
import { type DBusConnection, DBusError, type MethodCall } from './dbus-connection.ts';
import { DBusConnectionError, type DBusValue, type DBusVariant } from './dbus-message.ts';

export type Attributes = Readonly<Record<string, string>>;

/** Paths of items. */
export interface FoundItems {
  readonly unlocked: readonly string[];
  readonly locked: readonly string[];
}

const busName = 'org.freedesktop.secrets';
const service = {
  destination: busName,
  path: '/org/freedesktop/secrets',
  interface: 'org.freedesktop.Secret.Service',
};
const bus = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
};
/** The object that libsecret creates items in; `ReadAlias` may name a collection although it does not exist. */
export const defaultAliasPath = '/org/freedesktop/secrets/aliases/default';
const nullObjectPath = '/';
/** The label of a new keyring. */
const labelProperty = ['org.freedesktop.Secret.Collection.Label', { signature: 's', value: 'Login' }];

const missingObjectErrors: ReadonlySet<string> = new Set([
  'org.freedesktop.Secret.Error.NoSuchObject',
  'org.freedesktop.DBus.Error.UnknownObject',
  'org.freedesktop.DBus.Error.UnknownMethod', // from gnome-keyring
  'org.freedesktop.DBus.Error.UnknownInterface',
]);

/** Each method throws `DBusError`, `DBusConnectionError`, or the reason of the signal. */
export class SecretServiceClient {
  readonly #connection: DBusConnection;
  readonly #signal: AbortSignal;

  constructor(connection: DBusConnection, signal: AbortSignal) {
    this.#connection = connection;
    this.#signal = signal;
  }

  /** The collection with the alias `default`; `null` if there is none. */
  async readDefaultPath(): Promise<string | null> {
    const [path] = await this.#callService('ReadAlias', 's', ['default']);
    return toPath(path);
  }

  /** `null` if there is no such object. */
  async readLocked(path: string, kind: 'Collection' | 'Item'): Promise<boolean | null> {
    try {
      return (await this.#readProperty(path, kind, 'Locked')) !== false;
    } catch (error) {
      if (error instanceof DBusError && missingObjectErrors.has(error.errorName)) return null;
      throw error;
    }
  }

  async readLabel(collection: string): Promise<string> {
    return toText(await this.#readProperty(collection, 'Collection', 'Label'));
  }

  async listCollections(): Promise<readonly string[]> {
    return toPaths(await this.#readProperty(service.path, 'Service', 'Collections'));
  }

  /** In all collections that the service can search. */
  async search(attributes: Attributes): Promise<FoundItems> {
    const [unlocked, locked] = await this.#callService('SearchItems', 'a{ss}', [Object.entries(attributes)]);
    return { unlocked: toPaths(unlocked), locked: toPaths(locked) };
  }

  /** @returns the prompt that it requires; `null` if none */
  async unlock(paths: readonly string[]): Promise<string | null> {
    const [, prompt] = await this.#callService('Unlock', 'ao', [paths]);
    return toPath(prompt);
  }

  /** Creates a collection with the alias `default`. @returns as `unlock` */
  async createDefaultCollection(): Promise<string | null> {
    const [, prompt] = await this.#callService('CreateCollection', 'a{sv}s', [[labelProperty], 'default']);
    return toPath(prompt);
  }

  /** @returns as `unlock`: with a prompt, the item is created only once it is answered */
  async createItem(attributes: Attributes, label: string, secret: DBusValue): Promise<string | null> {
    const properties = [
      ['org.freedesktop.Secret.Item.Label', { signature: 's', value: label }],
      ['org.freedesktop.Secret.Item.Attributes', { signature: 'a{ss}', value: Object.entries(attributes) }],
    ];
    const [, prompt] = await this.#call({
      destination: busName,
      path: defaultAliasPath,
      interface: 'org.freedesktop.Secret.Collection',
      member: 'CreateItem',
      signature: 'a{sv}(oayays)b',
      body: [properties, secret, true],
    });
    return toPath(prompt);
  }

  async setSecret(item: string, secret: DBusValue): Promise<void> {
    await this.#callItem(item, 'SetSecret', '(oayays)', [secret]);
  }

  async getSecret(item: string, session: string): Promise<DBusValue> {
    const [secret = []] = await this.#callItem(item, 'GetSecret', 'o', [session]);
    return secret;
  }

  /** @returns as `unlock` */
  async deleteItem(item: string): Promise<string | null> {
    const [prompt] = await this.#callItem(item, 'Delete');
    return toPath(prompt);
  }

  async openSession(algorithm: string, input: DBusVariant): Promise<{ path: string; output: DBusValue }> {
    const [output, path] = await this.#callService('OpenSession', 'sv', [algorithm, input]);
    return { path: toText(path), output: (output as DBusVariant).value };
  }

  /** The unique name of the service on the bus, and its process; `pid` is `null` if the bus does not know it. */
  async readOwner(): Promise<{ readonly name: string; readonly pid: number | null }> {
    const call = { ...bus, signature: 's' };
    const [name] = await this.#call({ ...call, member: 'GetNameOwner', body: [busName] });
    try {
      const [pid] = await this.#call({ ...call, member: 'GetConnectionUnixProcessID', body: [toText(name)] });
      return { name: toText(name), pid: Number(pid) };
    } catch (error) {
      if (!(error instanceof DBusError)) throw error;
      return { name: toText(name), pid: null };
    }
  }

  /**
   * Shows the prompt and waits until it is answered. An unanswered prompt stays open: `Dismiss` crashes gnome-keyring 42
   * (tested), and with it the keyring of the whole session.
   * @throws IamTokenError `keychain_locked` if it is dismissed, or not answered before `promptSignal` aborts
   */
  async showPrompt(prompt: string, promptSignal: AbortSignal): Promise<void> {
    const promptObject = { path: prompt, interface: 'org.freedesktop.Secret.Prompt' };
    const completedMatch = { ...promptObject, member: 'Completed' };
    const ownerChangedMatch = { interface: bus.interface, member: 'NameOwnerChanged', arg0: busName };
    const promptCall = {
      destination: busName,
      ...promptObject,
      member: 'Prompt',
      signature: 's',
      body: [''],
    };
    try {
      const { member, body } = await this.#connection.waitForSignal(
        [completedMatch, ownerChangedMatch],
        () => this.#connection.call(promptCall, promptSignal),
        promptSignal,
      );
      if (member === 'Completed' && body[0] === true) throw new IamTokenError(promptDismissed);
    } catch (cause) {
      if (promptSignal.aborted) throw new IamTokenError(promptTimedOut, { cause });
      throw cause;
    }
  }

  async #readProperty(path: string, kind: string, name: string): Promise<DBusValue> {
    const [variant] = await this.#call({
      destination: busName,
      path,
      interface: 'org.freedesktop.DBus.Properties',
      member: 'Get',
      signature: 'ss',
      body: [`org.freedesktop.Secret.${kind}`, name],
    });
    return (variant as DBusVariant).value;
  }

  #callService(member: string, signature: string, body: readonly DBusValue[]): Promise<readonly DBusValue[]> {
    return this.#call({ ...service, member, signature, body });
  }

  #callItem(
    path: string,
    member: string,
    signature = '',
    body: readonly DBusValue[] = [],
  ): Promise<readonly DBusValue[]> {
    const item = { destination: busName, path, interface: 'org.freedesktop.Secret.Item' };
    return this.#call({ ...item, member, signature, body });
  }

  #call(call: MethodCall): Promise<readonly DBusValue[]> {
    return this.#connection.call(call, this.#signal);
  }
}

/** @throws DBusConnectionError if the service does not keep to its interface */
function toText(value: DBusValue | undefined): string {
  if (typeof value !== 'string') throw new DBusConnectionError('a D-Bus value is not a text');
  return value;
}

function toPath(value: DBusValue | undefined): string | null {
  return typeof value === 'string' && value !== nullObjectPath ? value : null;
}

function toPaths(value: DBusValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
