import { join } from 'node:path';
import { DBusConnection } from '../../../../src/stores/secret-service/dbus-connection.ts';
import type { DBusValue } from '../../../../src/stores/secret-service/dbus-message.ts';
import { SecretServiceClient } from '../../../../src/stores/secret-service/secret-service-client.ts';
import { createRealClock } from '../../time/real-clock.ts';
import { createWallet } from './desktop-keychains.ts';
import type { DesktopSession } from './desktop-session.ts';

const service = {
  destination: 'org.freedesktop.secrets',
  path: '/org/freedesktop/secrets',
  interface: 'org.freedesktop.Secret.Service',
};
const timeoutMs = 60_000;

interface Access {
  readonly client: SecretServiceClient;
  /** Calls the Secret Service, and shows the prompt if the reply ends with one. @returns the other values */
  readonly call: (
    member: string,
    signature: string,
    body: readonly DBusValue[],
  ) => Promise<readonly DBusValue[]>;
}

/** Locks one collection of the keychain, whatever it is called there. */
export async function lockCollection(session: DesktopSession, name: string): Promise<void> {
  await withSecretService(session, ({ call }) => call('Lock', 'ao', [[collectionPath(name)]]));
}

/** Creates a second wallet, answers its windows, and makes it the default one. */
export async function moveDefaultToNewWallet(session: DesktopSession, name: string): Promise<void> {
  const label = ['org.freedesktop.Secret.Collection.Label', { signature: 's', value: name }];
  await withSecretService(session, async ({ call }) => {
    await Promise.all([call('CreateCollection', 'a{sv}s', [[label], '']), createWallet(session)]);
  });
  await withSecretService(session, ({ call }) => call('SetAlias', 'so', ['default', collectionPath(name)]));
}

/** The path of the collection in which new items are created. */
export function readDefaultPath(session: DesktopSession): Promise<string | null> {
  return withSecretService(session, ({ client }) => client.readDefaultPath());
}

export const collectionPath = (name: string): string => `${service.path}/collection/${name}`;

async function withSecretService<T>(
  session: DesktopSession,
  operation: (access: Access) => Promise<T>,
): Promise<T> {
  const signal = createRealClock().timeoutSignal(timeoutMs);
  const bus = join(session.folder, 'run', 'bus');
  const connection = await DBusConnection.open([bus], process.getuid?.() ?? 0, signal);
  const client = new SecretServiceClient(connection, signal);
  const call: Access['call'] = async (member, signature, body) => {
    const reply = await connection.call({ ...service, member, signature, body }, signal);
    const prompt = reply.at(-1);
    if (typeof prompt === 'string' && prompt !== '/') await client.showPrompt(prompt, signal);
    return reply.slice(0, -1);
  };
  try {
    return await operation({ client, call });
  } finally {
    connection.close();
  }
}
