import type { DBusMessage, DBusValue } from '../../../src/stores/secret-service/dbus-message.ts';
import { type CallReaction, type FakeDBus, type Reply, startFakeDBus } from './fake-dbus.ts';

export interface FakeCollection {
  label: string;
  isLocked: boolean;
}

export interface FakeItem {
  readonly path: string;
  readonly account: string;
  /** Locked by itself, as in KeePassXC. */
  isLocked: boolean;
  value: string;
}

export const collectionPath = (name: string): string => `/org/freedesktop/secrets/collection/${name}`;
const aliasPath = '/org/freedesktop/secrets/aliases/default';
const noPrompt = '/';

/** A Secret Service on a fake bus, whose state a test sets. Only `plain` sessions. */
export class FakeSecretService {
  readonly collections = new Map<string, FakeCollection>([
    [collectionPath('login'), { label: 'Login', isLocked: false }],
  ]);
  items: FakeItem[] = [];
  defaultPath = collectionPath('login');
  hasAliasObject = true;
  /** Whether a locked item of an open collection is opened by a prompt, and each change requires one. */
  confirmsItems = false;
  /** What the user does with a prompt. */
  user: 'answers' | 'dismisses' | 'ignores' = 'answers';
  /** Overrides the state unless it returns `undefined`. */
  overrideReaction: (call: DBusMessage) => CallReaction | undefined = () => undefined;
  readonly #bus: FakeDBus;
  /** What an answered prompt does, by its path. */
  readonly #prompts = new Map<string, () => void>();

  private constructor(bus: FakeDBus) {
    this.#bus = bus;
  }

  static async start(): Promise<FakeSecretService> {
    let service = null as FakeSecretService | null;
    const bus = await startFakeDBus((call) => service?.react(call) ?? null);
    return (service = new FakeSecretService(bus));
  }

  get bus(): FakeDBus {
    return this.#bus;
  }

  listCalls(): readonly string[] {
    return this.#bus.calls.map(({ member = '' }) => member);
  }

  /** How many prompts were shown. */
  countPrompts(): number {
    return this.listCalls().filter((member) => member === 'Prompt').length;
  }

  addItem(collection: string, account: string, value = 'v', isLocked = false): FakeItem {
    const path = `${collectionPath(collection)}/${this.items.length + 1}`;
    const item = { path, account, value, isLocked };
    this.items.push(item);
    return item;
  }

  react(call: DBusMessage): CallReaction {
    const override = this.overrideReaction(call);
    if (override !== undefined) return override;
    const { member = '', path = '', body } = call;
    const [first, second] = body;
    switch (member) {
      case 'GetNameOwner':
        return { signature: 's', body: [':1.7'] };
      case 'GetConnectionUnixProcessID':
        return { signature: 'u', body: [42] };
      case 'ReadAlias':
        return { signature: 'o', body: [this.defaultPath] };
      case 'Get':
        return this.#readProperty(path, typeof second === 'string' ? second : '');
      case 'SearchItems':
        return this.#search(new Map(first as readonly (readonly [string, string])[]));
      case 'OpenSession':
        return first === 'plain'
          ? { signature: 'vo', body: [{ signature: 's', value: '' }, '/session'] }
          : { errorName: 'org.freedesktop.DBus.Error.NotSupported' };
      case 'Unlock':
        return { signature: 'aoo', body: [[], this.#unlock(first as readonly string[])] };
      case 'CreateCollection':
        return { signature: 'oo', body: [noPrompt, this.#addPrompt(() => this.#createDefault())] };
      case 'Prompt':
        return this.#showPrompt(path);
      default:
        return this.#changeItem(call);
    }
  }

  completePrompt(path: string, isDismissed = false): void {
    if (!isDismissed) this.#prompts.get(path)?.();
    this.#bus.emit({
      path,
      interface: 'org.freedesktop.Secret.Prompt',
      member: 'Completed',
      signature: 'bv',
      body: [isDismissed, { signature: 's', value: '' }],
    });
  }

  #changeItem({ member = '', path = '', body: [first, second] }: DBusMessage): Reply {
    const item = this.items.find((known) => known.path === path);
    switch (member) {
      case 'CreateItem': {
        const create = (): void =>
          void this.addItem(nameOf(this.defaultPath), accountOf(first), textOf(second));
        return { signature: 'oo', body: [noPrompt, this.#confirm(create)] };
      }
      case 'Delete': {
        const remove = (): void => void (this.items = this.items.filter((known) => known !== item));
        return { signature: 'o', body: [this.#confirm(remove)] };
      }
      case 'SetSecret':
        if (item !== undefined) item.value = textOf(first);
        return {};
      case 'GetSecret': {
        const bytes = [...Buffer.from(item?.value ?? '')];
        return { signature: '(oayays)', body: [['/session', [], bytes, 'text/plain']] };
      }
      default:
        return { errorName: 'org.freedesktop.DBus.Error.UnknownMethod' };
    }
  }

  #readProperty(path: string, name: string): Reply {
    if (name === 'Collections')
      return { signature: 'v', body: [{ signature: 'ao', value: [...this.collections.keys()] }] };
    const collection = this.collections.get(path === aliasPath ? this.defaultPath : path);
    if (collection === undefined || (path === aliasPath && !this.hasAliasObject))
      return { errorName: 'org.freedesktop.DBus.Error.UnknownObject' };
    const value: DBusValue =
      name === 'Label'
        ? { signature: 's', value: collection.label }
        : { signature: 'b', value: collection.isLocked };
    return { signature: 'v', body: [value] };
  }

  #search(attributes: ReadonlyMap<string, string>): Reply {
    const account = attributes.get('account');
    const found = this.items.filter((item) => account === undefined || item.account === account);
    const isLocked = ({ path, isLocked: isItemLocked }: FakeItem): boolean =>
      isItemLocked || this.collections.get(parentOf(path))?.isLocked === true;
    const pathsOf = (items: readonly FakeItem[]): readonly string[] => items.map(({ path }) => path);
    return {
      signature: 'aoao',
      body: [pathsOf(found.filter((item) => !isLocked(item))), pathsOf(found.filter(isLocked))],
    };
  }

  #unlock(paths: readonly string[]): string {
    return this.#addPrompt(() => {
      for (const path of paths) {
        const collection = this.collections.get(path);
        if (collection !== undefined) collection.isLocked = false;
        for (const item of this.items) if (item.path === path) item.isLocked = false;
      }
    });
  }

  #createDefault(): void {
    this.defaultPath = collectionPath('login');
    this.hasAliasObject = true;
    this.collections.set(this.defaultPath, { label: 'Login', isLocked: false });
  }

  #confirm(change: () => void): string {
    if (this.confirmsItems) return this.#addPrompt(change);
    change();
    return noPrompt;
  }

  #addPrompt(onAnswered: () => void): string {
    const path = `/org/freedesktop/secrets/prompt/p${this.#prompts.size + 1}`;
    this.#prompts.set(path, onAnswered);
    return path;
  }

  #showPrompt(path: string): Reply {
    if (this.user !== 'ignores') this.completePrompt(path, this.user === 'dismisses');
    return {};
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** @param properties of `CreateItem` */
function accountOf(properties: DBusValue | undefined): string {
  return /"account","([^"]*)"/.exec(JSON.stringify(properties))?.[1] ?? '';
}

/** @param secret a struct of a plain session */
function textOf(secret: DBusValue | undefined): string {
  const [, , bytes] = secret as readonly [string, readonly number[], readonly number[]];
  return Buffer.from(bytes).toString();
}
