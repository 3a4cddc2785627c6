/**
 * The Secret Service, as far as keytar does not speak to it: what is locked, and unlocking it.
 * specifications.freedesktop.org/secret-service (0.2); measured with gnome-keyring 42.
 *
 * libsecret, and so keytar, opens a prompt by itself when it meets something locked, and says "absent" where
 * there is nobody to show it. So nothing is asked of keytar before it was seen here that it will be found open.
 */
import type { Clock } from '../shared/clock.ts';
import type { Problem } from '../shared/errors.ts';
import { DBusConnection, DBusError, sessionBusPaths } from './dbus-connection.ts';
import { DBusPeerError, type DBusVariant } from './dbus-message.ts';
import {
  itemLocked,
  keyringLocked,
  noKeyring,
  noService,
  noSessionBus,
  problemError,
  promptDismissed,
  promptUnanswered,
  serviceRefused,
  serviceSilent,
} from './keychain-problems.ts';

/** Each method throws `ProblemError` when the default keyring is not open, or with `unlock` does not open. */
export interface SecretService {
  /** Resolves when the default keyring is open. */
  check(): Promise<void>;
  /**
   * Whether there are items with these attributes.
   * @throws ProblemError also when one of them lies in another keyring that is locked
   */
  has(attributes: Readonly<Record<string, string>>): Promise<boolean>;
  /** Opens it, or creates it where there is none, by a prompt: its answer is awaited until `signal` aborts. */
  unlock(signal: AbortSignal): Promise<void>;
}

export interface SecretServiceParts {
  readonly environment: NodeJS.ProcessEnv;
  readonly uid: number;
  readonly clock: Pick<Clock, 'deadline'>;
}

/** For everything but waiting for a person. Under the 5 s that the daemon gives its helper. */
const answerWithinMs = 4_000;

const secrets = 'org.freedesktop.secrets';
const service = {
  destination: secrets,
  path: '/org/freedesktop/secrets',
  interface: 'org.freedesktop.Secret.Service',
};
const noObject = '/';
/** Of a keyring that is created. */
const label = ['org.freedesktop.Secret.Collection.Label', { signature: 's', value: 'Login' }];

const collectionGone: ReadonlySet<string> = new Set([
  'org.freedesktop.Secret.Error.NoSuchObject',
  'org.freedesktop.DBus.Error.UnknownObject',
  'org.freedesktop.DBus.Error.UnknownMethod', // gnome-keyring's word for it
]);

/** The default one: where it is, and why it is closed. */
interface Keyring {
  readonly path: string | null;
  readonly closed: Problem | null;
}

export function secretService({ environment, uid, clock }: SecretServiceParts): SecretService {
  /** Each exchange has a connection of its own: a millisecond, and a restarted bus is no trouble. */
  async function withConnection<T>(
    work: (connection: DBusConnection, keyring: Keyring, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const signal = clock.deadline(answerWithinMs);
    try {
      const opened = DBusConnection.open(sessionBusPaths(environment), uid, signal);
      const connection = await opened.catch((cause: unknown) => {
        signal.throwIfAborted();
        throw problemError(noSessionBus, cause);
      });
      try {
        return await work(connection, await defaultKeyring(connection, signal), signal);
      } finally {
        connection.close();
      }
    } catch (error) {
      throw problemFor(error);
    }
  }

  return {
    check: () => withConnection(async (_, { closed }) => refuse(closed)),

    has: (attributes) =>
      withConnection(async (connection, { closed }, signal) => {
        refuse(closed);
        const [unlocked, locked] = await connection.call(
          { ...service, member: 'SearchItems', signature: 'a{ss}', body: [Object.entries(attributes)] },
          signal,
        );
        if (!isEmpty(locked)) throw problemError(itemLocked);
        return !isEmpty(unlocked);
      }),

    unlock: (patience) =>
      withConnection(async (connection, { path, closed }, signal) => {
        if (closed === null) return;
        const opening =
          path === null
            ? { member: 'CreateCollection', signature: 'a{sv}s', body: [[label], 'default'] }
            : { member: 'Unlock', signature: 'ao', body: [[path]] };
        const [, prompt] = await connection.call({ ...service, ...opening }, signal);
        if (typeof prompt === 'string' && prompt !== noObject) {
          await answered(connection, prompt, patience);
        }
        const outcome = await defaultKeyring(connection, clock.deadline(answerWithinMs));
        if (outcome.closed !== null) throw problemError(promptDismissed);
      }),
  };
}

function refuse(closed: Problem | null): void {
  if (closed !== null) throw problemError(closed);
}

function isEmpty(list: unknown): boolean {
  return !Array.isArray(list) || list.length === 0;
}

async function defaultKeyring(connection: DBusConnection, signal: AbortSignal): Promise<Keyring> {
  const [path] = await connection.call(
    { ...service, member: 'ReadAlias', signature: 's', body: ['default'] },
    signal,
  );
  if (typeof path !== 'string' || path === noObject) return { path: null, closed: noKeyring };
  const get = { destination: secrets, path, interface: 'org.freedesktop.DBus.Properties', member: 'Get' };
  const property = ['org.freedesktop.Secret.Collection', 'Locked'];
  try {
    const [locked] = await connection.call({ ...get, signature: 'ss', body: property }, signal);
    return { path, closed: (locked as DBusVariant).value === false ? null : keyringLocked };
  } catch (error) {
    if (!(error instanceof DBusError) || !collectionGone.has(error.errorName)) throw error;
    return { path: null, closed: noKeyring };
  }
}

/**
 * Shows the prompt and waits for the person; resolves as well when they dismissed it. One that nobody answers is
 * left where it is: `Dismiss` makes gnome-keyring 42 crash (tried), and with it the keyring of the whole session.
 */
async function answered(connection: DBusConnection, prompt: string, signal: AbortSignal): Promise<void> {
  const shown = { path: prompt, interface: 'org.freedesktop.Secret.Prompt' };
  const completed = { ...shown, member: 'Completed' };
  const ownerChanged = { interface: 'org.freedesktop.DBus', member: 'NameOwnerChanged', arg0: secrets };
  const show = { destination: secrets, ...shown, member: 'Prompt', signature: 's', body: [''] };
  try {
    await connection.signalAfter([completed, ownerChanged], () => connection.call(show, signal), signal);
  } catch (cause) {
    if (signal.aborted) throw problemError(promptUnanswered, cause);
    throw cause;
  }
}

function problemFor(error: unknown): unknown {
  if (error instanceof DBusError) return problemError(refusal(error), error);
  const late = error instanceof DOMException && error.name === 'TimeoutError';
  return late || error instanceof DBusPeerError ? problemError(serviceSilent, error) : error;
}

function refusal({ errorName, message }: DBusError): Problem {
  const name = errorName.replace(/^org\.freedesktop\.DBus\.Error\./, '');
  if (name === 'ServiceUnknown' || name === 'NameHasNoOwner' || name.startsWith('Spawn.')) return noService;
  if (name === 'NoReply' || name === 'TimedOut' || name === 'Timeout') return serviceSilent;
  if (name === 'org.freedesktop.Secret.Error.IsLocked') return keyringLocked;
  return serviceRefused(message);
}
