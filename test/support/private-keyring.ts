import { once } from 'node:events';
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { DBusConnection } from '../../src/keychain/dbus-connection.ts';
import type { DBusValue } from '../../src/keychain/dbus-message.ts';
import { startGuarded, type GuardedProcess } from './guarded-process.ts';
import { realClock } from './real-clock.ts';

/**
 * - `unlocked`, `locked`: a service with the keyring `login`, which is the default one;
 * - `none`: a service on a fresh machine, without a keyring;
 * - `no service`: a bus with nobody on it.
 */
export type KeyringCondition = 'unlocked' | 'locked' | 'none' | 'no service';

/** A D-Bus session of its own with a real gnome-keyring, which no other program can see. */
export interface PrivateKeyring {
  /** To be laid over a program's environment, so that it finds this keyring and nothing of the user's. */
  readonly environment: Readonly<Record<string, string>>;
  lock(): Promise<void>;
  unlock(): Promise<void>;
  /** The service answers nothing any more until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** Ends the service, and the bus stays; `startService` brings it back, its keyring locked as after a login. */
  stopService(): Promise<void>;
  /** @param unlocked as a desktop session leaves it, with a new keyring where there is none; locked unless given */
  startService(unlocked?: boolean): Promise<void>;
  /** Ends the bus, and the service with it. */
  stopBus(): Promise<void>;
  startBus(): Promise<void>;
  /** Ends everything and removes its folder. */
  stop(): Promise<void>;
}

const password = 'test';
const secrets = 'org.freedesktop.secrets';
const service = {
  destination: secrets,
  path: '/org/freedesktop/secrets',
  interface: 'org.freedesktop.Secret.Service',
};
const login = '/org/freedesktop/secrets/collection/login';
const readyWithinMs = 10_000;

/** Why there can be no private keyring here; `null` if there can. */
export function noPrivateKeyring(): string | null {
  if (process.platform !== 'linux') return 'the Secret Service is of Linux';
  const missing = ['dbus-daemon', 'gnome-keyring-daemon'].filter((program) => !isInPath(program));
  return missing.length === 0 ? null : `not installed: ${missing.join(', ')}`;
}

/** Nothing of it survives the process that called this. */
export async function startPrivateKeyring(condition: KeyringCondition = 'unlocked'): Promise<PrivateKeyring> {
  const folder = mkdtempSync(join(tmpdir(), 'private-keyring-'));
  const runtimeFolder = join(folder, 'run');
  mkdirSync(runtimeFolder, { mode: 0o700 });
  const environment = {
    HOME: folder,
    XDG_RUNTIME_DIR: runtimeFolder,
    XDG_DATA_HOME: join(folder, 'data'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_STATE_HOME: join(folder, 'state'),
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtimeFolder}/bus`,
  };
  const processEnvironment = { PATH: process.env['PATH'], ...environment };
  let bus = await startDBus(environment.DBUS_SESSION_BUS_ADDRESS);

  async function onBus<T>(work: (connection: DBusConnection, signal: AbortSignal) => Promise<T>): Promise<T> {
    const signal = realClock().deadline(readyWithinMs);
    const connection = await DBusConnection.open([`${runtimeFolder}/bus`], process.getuid?.() ?? 0, signal);
    try {
      return await work(connection, signal);
    } finally {
      connection.close();
    }
  }

  let daemon: GuardedProcess | null = null;

  async function startService(unlocked: boolean): Promise<void> {
    const command = ['gnome-keyring-daemon', '--foreground', '--components=secrets'];
    const appeared = { interface: 'org.freedesktop.DBus', member: 'NameOwnerChanged', arg0: secrets };
    await onBus((connection, signal) =>
      connection.signalAfter(
        [appeared],
        async () => {
          daemon = unlocked
            ? await startGuarded([...command, '--unlock'], {
                environment: processEnvironment,
                input: password,
              })
            : await startGuarded(command, { environment: processEnvironment });
          daemon.stdout.resume();
        },
        signal,
      ),
    );
  }

  const keyring: PrivateKeyring = {
    environment,
    async lock() {
      await onBus((connection, signal) =>
        connection.call({ ...service, member: 'Lock', signature: 'ao', body: [[login]] }, signal),
      );
    },
    unlock: () => onBus(unlockWithPassword),
    freeze: () => void (daemon && process.kill(daemon.pid, 'SIGSTOP')),
    thaw: () => void (daemon && process.kill(daemon.pid, 'SIGCONT')),
    async stopService() {
      await daemon?.stop();
      daemon = null;
    },
    startService: (unlocked = false) => startService(unlocked),
    async stopBus() {
      await keyring.stopService();
      await bus.stop();
    },
    async startBus() {
      bus = await startDBus(environment.DBUS_SESSION_BUS_ADDRESS);
    },
    async stop() {
      await keyring.stopBus();
      rmSync(folder, { recursive: true, force: true });
    },
  };

  try {
    if (condition !== 'no service') await startService(condition !== 'none');
    if (condition === 'locked') await keyring.lock();
    return keyring;
  } catch (error) {
    await keyring.stop();
    throw error;
  }
}

/** A real dbus-daemon at `address`, with nobody on it. */
export async function startDBus(address: string): Promise<GuardedProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'dbus-'));
  const configuration = join(folder, 'bus.conf');
  // As D-Bus ships its session.conf, but without service folders: nothing may be started on demand, such as a second
  // gnome-keyring or a prompter.
  writeFileSync(
    configuration,
    `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
       "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
     <busconfig>
       <type>session</type>
       <listen>${address}</listen>
       <policy context="default">
         <allow send_destination="*" eavesdrop="true"/>
         <allow eavesdrop="true"/>
         <allow own="*"/>
       </policy>
     </busconfig>`,
  );
  const command = ['dbus-daemon', '--nofork', '--print-address', `--config-file=${configuration}`];
  const bus = await startGuarded(command, { environment: { PATH: process.env['PATH'] } });
  await once(createInterface(bus.stdout), 'line', { signal: realClock().deadline(readyWithinMs) }); // it listens
  rmSync(folder, { recursive: true });
  return bus;
}

/** By gnome-keyring's own interface for tests and PAM: nothing else opens a keyring without a prompt. */
async function unlockWithPassword(connection: DBusConnection, signal: AbortSignal): Promise<void> {
  const plain: DBusValue = { signature: 's', value: '' };
  const open = { ...service, member: 'OpenSession', signature: 'sv', body: ['plain', plain] };
  const [, session = ''] = await connection.call(open, signal);
  const secret = [session, [], [...Buffer.from(password)], 'text/plain'];
  await connection.call(
    {
      ...service,
      interface: 'org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface',
      member: 'UnlockWithMasterPassword',
      signature: 'o(oayays)',
      body: [login, secret],
    },
    signal,
  );
}

function isInPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
