import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../../wait-until.ts';
import type { DesktopSession } from './desktop-session.ts';

/** Of each database and wallet. */
export const password = 'pw1';
const kwalletWindow = 'kwalletd5';
/** A program with windows starts slowly on a machine under load. */
const startTimeoutMs = 10_000;
const maxStarts = 3;

/**
 * Starts KeePassXC with an open database whose group `Secrets` is exposed as Secret Service.
 * @param confirmsAccess its setting "Confirm when passwords are retrieved by clients", on by default
 */
export async function startKeePassXC(session: DesktopSession, confirmsAccess: boolean): Promise<void> {
  const { folder } = session;
  mkdirSync(join(folder, 'config', 'keepassxc'));
  writeFileSync(
    join(folder, 'config', 'keepassxc', 'keepassxc.ini'),
    [
      '[General]',
      'ConfigVersion=2',
      'UpdateCheckMessageShown=true',
      '[GUI]',
      'CheckForUpdates=false',
      '[FdoSecrets]',
      'Enabled=true',
      `ConfirmAccessItem=${confirmsAccess}`,
      'UnlockBeforeSearch=true',
      '',
    ].join('\n'),
  );
  const database = await createDatabase(session, 'b');
  const target = ['--dest=org.freedesktop.secrets', '/org/freedesktop/secrets'];
  const call = [...target, 'org.freedesktop.Secret.Service.ReadAlias', 'string:default'];
  await startUntil(
    () => session.startProgram(['keepassxc', '--pw-stdin', database], `${password}\n`),
    async () => (await callDBus(session, call)).includes('/collection/'),
    'KeePassXC exposes its database',
  );
}

/** Opens a second database in a tab of the running KeePassXC, which makes its collection the default one. */
export async function openSecondDatabase(session: DesktopSession, name: string): Promise<void> {
  // Hands the path over to the running program.
  await session.run('keepassxc', [await createDatabase(session, name)]);
  await session.answerWindow(String.raw`${name}\.kdbx \[Locked\]`, password);
  await waitUntil(
    async () => (await session.listWindows()).includes(`${name}.kdbx - KeePassXC`),
    'the second database is open',
  );
}

/** Starts KWallet, which has no wallet yet: the first login opens a window that creates it. */
export async function startKWallet(session: DesktopSession): Promise<void> {
  writeFileSync(
    join(session.folder, 'config', 'kwalletrc'),
    [
      '[Wallet]',
      'Enabled=true',
      'First Use=false',
      'Default Wallet=kdewallet',
      'Prompt on Open=false',
      '[org.freedesktop.secrets]',
      'apiEnabled=true',
      '',
    ].join('\n'),
  );
  const target = ['--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.GetNameOwner'];
  await startUntil(
    () => session.startProgram(['kwalletd5']),
    async () => (await callDBus(session, [...target, 'string:org.freedesktop.secrets'])) !== '',
    'KWallet has its bus name',
  );
}

/** Answers the windows in which KWallet creates a wallet with a password. The positions are those of KWallet 5.103. */
export async function createWallet(session: DesktopSession): Promise<void> {
  const wizard = await session.waitForWindow(kwalletWindow);
  let passwordWindow = wizard;
  // A window that has just opened may lose clicks and keys, so all are repeated.
  await waitUntil(async () => {
    // "Classic, blowfish encrypted file", as the other choice requires a GPG key; then "Finish".
    await session.click(wizard, 109, 167);
    await session.click(wizard, 362, 336);
    passwordWindow = await session.waitForWindow(kwalletWindow);
    return passwordWindow !== wizard;
  }, 'KWallet asks for a password');
  await waitUntil(async () => {
    await session.focus(passwordWindow);
    // The field before "Verify", then "Verify" itself.
    for (const field of [['alt+v', 'shift+Tab'], ['alt+v']]) {
      await session.run('xdotool', ['key', ...field, 'ctrl+a']);
      await session.run('xdotool', ['type', password]);
    }
    await session.run('xdotool', ['key', 'Return']);
    return (await session.listWindows()).length === 0;
  }, 'the wallet is created');
}

export async function lockWallet(session: DesktopSession): Promise<void> {
  const target = ['--dest=org.kde.kwalletd5', '/modules/kwalletd5'];
  const call = [...target, 'org.kde.KWallet.closeAllWallets'];
  await session.run('dbus-send', ['--session', '--print-reply', ...call]);
}

/** @returns the path of the database; which group is exposed is part of it */
async function createDatabase(session: DesktopSession, name: string): Promise<string> {
  const [empty, xml, database] = [`${name}-empty.kdbx`, `${name}.xml`, `${name}.kdbx`].map((file) =>
    join(session.folder, file),
  ) as [string, string, string];
  const cli = (args: readonly string[], input: string): Promise<string> =>
    session.run('keepassxc-cli', args, input);
  const newPassword = `${password}\n${password}\n`;
  await cli(['db-create', '-q', '-p', empty], newPassword);
  await cli(['mkdir', '-q', empty, 'Secrets'], `${password}\n`);
  const text = await cli(['export', '-q', '-f', 'xml', empty], `${password}\n`);
  const [, encodedId = ''] = /<UUID>([^<]+)<\/UUID>\s*<Name>Secrets<\/Name>/.exec(text) ?? [];
  const id = Buffer.from(encodedId, 'base64')
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '{$1-$2-$3-$4-$5}');
  const exposedGroup = `<CustomData><Item><Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>${id}</Value></Item></CustomData>`;
  writeFileSync(xml, text.replace('</Meta>', `${exposedGroup}</Meta>`));
  await cli(['import', '-q', '-p', xml, database], newPassword);
  return database;
}

/** Both programs crash now and then while they start, in their own code; a second instance of a running one ends at once. */
async function startUntil(
  startProgram: () => Promise<void>,
  isReady: () => Promise<boolean>,
  description: string,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    await startProgram();
    try {
      await waitUntil(isReady, description, startTimeoutMs);
      return;
    } catch (error) {
      if (attempt === maxStarts) throw error;
    }
  }
}

/** @returns the reply; empty if the call fails */
async function callDBus(session: DesktopSession, call: readonly string[]): Promise<string> {
  return session.run('dbus-send', ['--session', '--print-reply', ...call]).catch(() => '');
}
