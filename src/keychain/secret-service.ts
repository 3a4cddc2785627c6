/**
 * The Secret Service, as far as keytar does not speak to it: what is locked, and unlocking it.
 * specifications.freedesktop.org/secret-service (0.2); measured with gnome-keyring 42.
 *
 * libsecret, and so keytar, opens a prompt by itself when it meets something locked, and says "absent" where
 * there is nobody to show it. So nothing is asked of keytar before it was seen here that it will be found open.
 */
import { ProblemError, type Problem } from '../shared/errors.ts';
import type { Clock } from '../shared/clock.ts';
import type { StoreState } from './credential-store.ts';
import { sessionBusPaths } from './dbus-address.ts';
import { DBusConnection, DBusConnectionError, DBusError, type MethodCall } from './dbus-connection.ts';
import type { DBusValue, DBusVariant } from './dbus-message.ts';
import {
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

export type Attributes = Readonly<Record<string, string>>;

export interface SecretService {
  /** Whether the default keyring is open. */
  state(): Promise<StoreState>;
  /**
   * Where items with these attributes lie: `locked` if any of them lies in a locked keyring.
   * @throws ProblemError when the default keyring is not open
   */
  find(attributes: Attributes): Promise<'nowhere' | 'open' | 'locked'>;
  /**
   * Opens the default keyring, and creates it where there is none, by a prompt: its answer is awaited until `signal`
   * aborts.
   * @throws ProblemError when it does not open
   */
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

const collectionGone: ReadonlySet<string> = new Set([
  'org.freedesktop.Secret.Error.NoSuchObject',
  'org.freedesktop.DBus.Error.UnknownObject',
  'org.freedesktop.DBus.Error.UnknownMethod', // gnome-keyring's word for it
]);

type Keyring =
  { readonly kind: 'open' } | { readonly kind: 'locked'; readonly path: string } | { readonly kind: 'none' };

export function secretService({ environment, uid, clock }: SecretServiceParts): SecretService {
  /** Each exchange has a connection of its own: a millisecond, and a restarted bus is no trouble. */
  async function withConnection<T>(
    work: (connection: DBusConnection, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const signal = clock.deadline(answerWithinMs);
    try {
      const connection = await open(sessionBusPaths(environment), uid, signal);
      try {
        return await work(connection, signal);
      } finally {
        connection.close();
      }
    } catch (error) {
      throw problemFor(error);
    }
  }

  return {
    async state() {
      try {
        const keyring = await withConnection(defaultKeyring);
        return keyring.kind === 'open'
          ? { kind: 'open' }
          : { kind: 'closed', problem: closedProblem(keyring) };
      } catch (error) {
        if (error instanceof ProblemError) return { kind: 'closed', problem: error.problem };
        throw error;
      }
    },

    find: (attributes) =>
      withConnection(async (connection, signal) => {
        const keyring = await defaultKeyring(connection, signal);
        if (keyring.kind !== 'open') throw problemError(closedProblem(keyring));
        const [unlocked, locked] = await connection.call(
          { ...service, member: 'SearchItems', signature: 'a{ss}', body: [Object.entries(attributes)] },
          signal,
        );
        if (lengthOf(locked) > 0) return 'locked';
        return lengthOf(unlocked) > 0 ? 'open' : 'nowhere';
      }),

    unlock: (patience) =>
      withConnection(async (connection, signal) => {
        const keyring = await defaultKeyring(connection, signal);
        if (keyring.kind === 'open') return;
        const opening = keyring.kind === 'locked' ? unlockCall(keyring.path) : createCall;
        const [, prompt] = await connection.call({ ...service, ...opening }, signal);
        if (typeof prompt === 'string' && prompt !== noObject) {
          await answered(connection, prompt, patience);
        }
        const outcome = await defaultKeyring(connection, clock.deadline(answerWithinMs));
        if (outcome.kind !== 'open') throw problemError(promptDismissed);
      }),
  };
}

const createCall = {
  member: 'CreateCollection',
  signature: 'a{sv}s',
  body: [[['org.freedesktop.Secret.Collection.Label', { signature: 's', value: 'Login' }]], 'default'],
};

function unlockCall(path: string): Pick<MethodCall, 'member' | 'signature' | 'body'> {
  return { member: 'Unlock', signature: 'ao', body: [[path]] };
}

async function open(paths: readonly string[], uid: number, signal: AbortSignal): Promise<DBusConnection> {
  try {
    return await DBusConnection.open(paths, uid, signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw problemError(noSessionBus, cause);
  }
}

async function defaultKeyring(connection: DBusConnection, signal: AbortSignal): Promise<Keyring> {
  const [path] = await connection.call(
    { ...service, member: 'ReadAlias', signature: 's', body: ['default'] },
    signal,
  );
  if (typeof path !== 'string' || path === noObject) return { kind: 'none' };
  const get = { destination: secrets, path, interface: 'org.freedesktop.DBus.Properties', member: 'Get' };
  const property = ['org.freedesktop.Secret.Collection', 'Locked'];
  try {
    const [locked] = await connection.call({ ...get, signature: 'ss', body: property }, signal);
    return (locked as DBusVariant).value === false ? { kind: 'open' } : { kind: 'locked', path };
  } catch (error) {
    if (error instanceof DBusError && collectionGone.has(error.errorName)) return { kind: 'none' };
    throw error;
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

function closedProblem(keyring: Exclude<Keyring, { kind: 'open' }>): Problem {
  return keyring.kind === 'locked' ? keyringLocked : noKeyring;
}

function lengthOf(value: DBusValue | undefined): number {
  return Array.isArray(value) ? value.length : 0;
}

function problemFor(error: unknown): unknown {
  if (error instanceof DBusError) return problemError(refusal(error), error);
  const late = error instanceof DOMException && error.name === 'TimeoutError';
  return late || error instanceof DBusConnectionError ? problemError(serviceSilent, error) : error;
}

function refusal({ errorName, message }: DBusError): Problem {
  const standard = 'org.freedesktop.DBus.Error.';
  const name = errorName.startsWith(standard) ? errorName.slice(standard.length) : errorName;
  if (name === 'ServiceUnknown' || name === 'NameHasNoOwner' || name.startsWith('Spawn.')) return noService;
  if (name === 'NoReply' || name === 'TimedOut' || name === 'Timeout') return serviceSilent;
  if (name === 'org.freedesktop.Secret.Error.IsLocked') return keyringLocked;
  return serviceRefused(message);
}
