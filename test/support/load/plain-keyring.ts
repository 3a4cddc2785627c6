import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DBusConnection } from '../../../src/stores/secret-service/dbus-connection.ts';
import { createRealClock } from '../time/real-clock.ts';
import type { PrivateKeyring } from '../stores/private-keyring.ts';

const readyTimeoutMs = 30_000;

/**
 * Restarts the service with a default keyring that holds these items, by account, each with a text in one line. Written as
 * a file without encryption, which gnome-keyring reads too: one call for each item would take minutes.
 */
export async function replaceKeyring(
  keyring: PrivateKeyring,
  items: ReadonlyMap<string, string>,
): Promise<void> {
  await keyring.stopService();
  const folder = join(keyring.environment['XDG_DATA_HOME'] ?? '', 'keyrings');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'plain.keyring'), formatKeyring(items), { mode: 0o600 });
  writeFileSync(join(folder, 'default'), 'plain', { mode: 0o600 });
  await keyring.startService(true);
  const signal = createRealClock().timeoutSignal(readyTimeoutMs);
  const busPath = join(keyring.environment['XDG_RUNTIME_DIR'] ?? '', 'bus');
  const connection = await DBusConnection.open([busPath], process.getuid?.() ?? 0, signal);
  const collections = ['/org/freedesktop/secrets/collection/plain'];
  await connection.call(
    {
      destination: 'org.freedesktop.secrets',
      path: '/org/freedesktop/secrets',
      interface: 'org.freedesktop.Secret.Service',
      member: 'Unlock',
      signature: 'ao',
      body: [collections],
    },
    signal,
  );
  connection.close();
}

function formatKeyring(items: ReadonlyMap<string, string>): string {
  const header = ['[keyring]', 'display-name=plain', 'lock-on-idle=false', 'lock-after=false', ''];
  const sections = [...items].flatMap(([account, text], index) => [
    `[${index + 1}]`,
    'item-type=0',
    `display-name=iam-tokend/${account}`,
    `secret=${text}`,
    ...formatAttribute(index, 0, 'service', 'iam-tokend'),
    ...formatAttribute(index, 1, 'account', account),
    ...formatAttribute(index, 2, 'xdg:schema', 'org.freedesktop.Secret.Generic'),
    '',
  ]);
  return [...header, ...sections].join('\n');
}

function formatAttribute(index: number, attributeIndex: number, name: string, value: string): string[] {
  return [`[${index + 1}:attribute${attributeIndex}]`, `name=${name}`, 'type=string', `value=${value}`];
}
