import { join } from 'node:path';
import { DBusConnection, DBusError } from '../../src/keychain/dbus-connection.ts';
import type { DBusValue } from '../../src/keychain/dbus-message.ts';
import { serviceName } from '../../src/keychain/keychain-items.ts';
import { realClock } from './real-clock.ts';

const destination = 'org.freedesktop.secrets';

/** The accounts of all items that iam-tokend has in a private keyring, by the keyring's own word. */
export async function keyringItems(
  environment: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const signal = realClock().deadline(5_000);
  const bus = join(environment['XDG_RUNTIME_DIR'] ?? '', 'bus');
  const connection = await DBusConnection.open([bus], process.getuid?.() ?? 0, signal);
  try {
    const [unlocked, locked] = await connection.call(
      {
        destination,
        path: '/org/freedesktop/secrets',
        interface: 'org.freedesktop.Secret.Service',
        member: 'SearchItems',
        signature: 'a{ss}',
        body: [[['service', serviceName]]],
      },
      signal,
    );
    const accounts: string[] = [];
    for (const path of [...listed(unlocked), ...listed(locked)]) {
      const get = {
        destination,
        path: path as string,
        interface: 'org.freedesktop.DBus.Properties',
        member: 'Get',
        signature: 'ss',
        body: ['org.freedesktop.Secret.Item', 'Attributes'],
      };
      try {
        const [attributes] = await connection.call(get, signal);
        accounts.push(accountIn(attributes));
      } catch (error) {
        if (!(error instanceof DBusError)) throw error; // it was removed meanwhile
      }
    }
    return accounts.toSorted();
  } finally {
    connection.close();
  }
}

/** @param attributes a variant of `a{ss}` */
function accountIn(attributes: DBusValue | undefined): string {
  if (typeof attributes !== 'object' || !('value' in attributes)) throw new Error('no attributes');
  const pairs = listed(attributes.value) as readonly (readonly [string, string])[];
  return new Map(pairs).get('account') ?? '';
}

function listed(value: DBusValue | undefined): readonly DBusValue[] {
  return Array.isArray(value) ? (value as readonly DBusValue[]) : [];
}
