import { join } from 'node:path';
import { DBusConnection, DBusError } from '../../../src/stores/secret-service/dbus-connection.ts';
import type { DBusValue } from '../../../src/stores/secret-service/dbus-message.ts';
import { serviceName } from '../../../src/stores/keychain/keychain-items.ts';
import { createRealClock } from '../time/real-clock.ts';

const destination = 'org.freedesktop.secrets';

/** The accounts of all items of iam-tokend in a private keyring. */
export async function listKeyringAccounts(
  environment: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const signal = createRealClock().timeoutSignal(5_000);
  const bus = join(environment['XDG_RUNTIME_DIR'] ?? '', 'bus');
  const connection = await DBusConnection.open([bus], process.getuid?.() ?? 0, signal);
  try {
    const [unlockedItems, lockedItems] = await connection.call(
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
    for (const path of [...arrayOf(unlockedItems), ...arrayOf(lockedItems)]) {
      const getAttributes = {
        destination,
        path: path as string,
        interface: 'org.freedesktop.DBus.Properties',
        member: 'Get',
        signature: 'ss',
        body: ['org.freedesktop.Secret.Item', 'Attributes'],
      };
      try {
        const [attributes] = await connection.call(getAttributes, signal);
        accounts.push(parseAccount(attributes));
      } catch (error) {
        if (!(error instanceof DBusError)) throw error; // the item was removed in between
      }
    }
    return accounts.toSorted();
  } finally {
    connection.close();
  }
}

/** @param attributes a variant of `a{ss}` */
function parseAccount(attributes: DBusValue | undefined): string {
  if (typeof attributes !== 'object' || !('value' in attributes)) throw new Error('no attributes');
  const pairs = arrayOf(attributes.value) as readonly (readonly [string, string])[];
  return new Map(pairs).get('account') ?? '';
}

function arrayOf(value: DBusValue | undefined): readonly DBusValue[] {
  return Array.isArray(value) ? (value as readonly DBusValue[]) : [];
}
