import { once } from 'node:events';
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { DBusConnection } from '../../../src/stores/secret-service/dbus-connection.ts';
import type { DBusValue } from '../../../src/stores/secret-service/dbus-message.ts';
import { startGuardedProcess, type GuardedProcess } from '../processes/guarded-process.ts';
import { createRealClock } from '../time/real-clock.ts';

/**
 * - `unlocked`, `locked`: a service with the default keyring `login`;
 * - `none`: a service without a keyring, as on a new machine;
 * - `no service`: a bus without a service.
 */
export type KeyringCondition = 'unlocked' | 'locked' | 'none' | 'no service';

const password = 'test';
const secretsBusName = 'org.freedesktop.secrets';
const service = {
  destination: secretsBusName,
  path: '/org/freedesktop/secrets',
  interface: 'org.freedesktop.Secret.Service',
};
const loginCollection = '/org/freedesktop/secrets/collection/login';
const readyTimeoutMs = 10_000;

/** Why a private keyring cannot run here; `null` if it can. */
export function getKeyringSkipReason(): string | null {
  if (process.platform !== 'linux') return 'the Secret Service requires Linux';
  const missing = ['dbus-daemon', 'gnome-keyring-daemon'].filter((program) => !isOnPath(program));
  return missing.length === 0 ? null : `not installed: ${missing.join(', ')}`;
}

/** A separate D-Bus session with a real gnome-keyring, which no other program can reach. It ends with this process. */
export async function startPrivateKeyring(condition: KeyringCondition = 'unlocked'): Promise<PrivateKeyring> {
  const keyring = new PrivateKeyring();
  try {
    await keyring.startBus();
    if (condition !== 'no service') await keyring.startService(condition !== 'none');
    if (condition === 'locked') await keyring.lock();
    return keyring;
  } catch (error) {
    await keyring.stop();
    throw error;
  }
}

/** As `startPrivateKeyring` starts it. */
export class PrivateKeyring {
  /** For a program, so that it finds this keyring and nothing of the user's. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #folder = mkdtempSync(join(tmpdir(), 'private-keyring-'));
  readonly #busPath = join(this.#folder, 'run', 'bus');
  #bus: GuardedProcess | null = null;
  #daemon: GuardedProcess | null = null;

  constructor() {
    const runtimeFolder = join(this.#folder, 'run');
    mkdirSync(runtimeFolder, { mode: 0o700 });
    this.environment = {
      HOME: this.#folder,
      XDG_RUNTIME_DIR: runtimeFolder,
      XDG_DATA_HOME: join(this.#folder, 'data'),
      XDG_CONFIG_HOME: join(this.#folder, 'config'),
      XDG_CACHE_HOME: join(this.#folder, 'cache'),
      XDG_STATE_HOME: join(this.#folder, 'state'),
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${this.#busPath}`,
    };
  }

  async lock(collection = loginCollection): Promise<void> {
    const call = { ...service, member: 'Lock', signature: 'ao', body: [[collection]] };
    await this.#withConnection((connection, signal) => connection.call(call, signal));
  }

  async unlock(): Promise<void> {
    await this.#withConnection((connection, signal) =>
      callWithPassword(connection, 'UnlockWithMasterPassword', 'o', loginCollection, signal),
    );
  }

  /** Creates an open collection, and makes it the default one. @returns its path */
  async changeDefault(label: string): Promise<string> {
    const properties = [['org.freedesktop.Secret.Collection.Label', { signature: 's', value: label }]];
    return this.#withConnection(async (connection, signal) => {
      const path = await callWithPassword(
        connection,
        'CreateWithMasterPassword',
        'a{sv}',
        properties,
        signal,
      );
      const call = { ...service, member: 'SetAlias', signature: 'so', body: ['default', path] };
      await connection.call(call, signal);
      return path;
    });
  }

  /** Stops the process of the service until `thaw`. */
  freeze(): void {
    if (this.#daemon !== null) process.kill(this.#daemon.pid, 'SIGSTOP');
  }

  thaw(): void {
    if (this.#daemon !== null) process.kill(this.#daemon.pid, 'SIGCONT');
  }

  /** @param isUnlocked as in a desktop session, which creates a missing keyring; by default locked, as after a restart */
  async startService(isUnlocked = false): Promise<void> {
    const ownerChangedMatch = {
      interface: 'org.freedesktop.DBus',
      member: 'NameOwnerChanged',
      arg0: secretsBusName,
    };
    await this.#withConnection((connection, signal) =>
      connection.waitForSignal([ownerChangedMatch], () => this.#startDaemon(isUnlocked), signal),
    );
  }

  /** Stops the service; the bus keeps running. */
  async stopService(): Promise<void> {
    await this.#daemon?.stop();
    this.#daemon = null;
  }

  async startBus(): Promise<void> {
    this.#bus = await startDBus(`unix:path=${this.#busPath}`);
  }

  /** Stops the bus and the service. */
  async stopBus(): Promise<void> {
    await this.stopService();
    await this.#bus?.stop();
    this.#bus = null;
  }

  /** Stops all processes and removes the folder. */
  async stop(): Promise<void> {
    await this.stopBus();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #startDaemon(isUnlocked: boolean): Promise<void> {
    const command = ['gnome-keyring-daemon', '--foreground', '--components=secrets'];
    const environment = { PATH: process.env['PATH'], ...this.environment };
    this.#daemon = isUnlocked
      ? await startGuardedProcess([...command, '--unlock'], { environment, input: password })
      : await startGuardedProcess(command, { environment });
    this.#daemon.stdout.resume();
  }

  async #withConnection<T>(
    operation: (connection: DBusConnection, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const signal = createRealClock().timeoutSignal(readyTimeoutMs);
    const connection = await DBusConnection.open([this.#busPath], process.getuid?.() ?? 0, signal);
    try {
      return await operation(connection, signal);
    } finally {
      connection.close();
    }
  }
}

/** A real dbus-daemon at `address`, without services. */
export async function startDBus(address: string): Promise<GuardedProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'dbus-'));
  const configuration = join(folder, 'bus.conf');
  // The session.conf of D-Bus without service folders, so that the bus starts nothing, such as another gnome-keyring or
  // a prompter.
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
  const bus = await startGuardedProcess(command, { environment: { PATH: process.env['PATH'] } });
  await once(createInterface(bus.stdout), 'line', {
    signal: createRealClock().timeoutSignal(readyTimeoutMs),
  }); // printed once it listens
  rmSync(folder, { recursive: true });
  return bus;
}

/** gnome-keyring's interface for tests and PAM, the only way to open or create a keyring without a prompt. */
async function callWithPassword(
  connection: DBusConnection,
  member: string,
  signature: string,
  argument: DBusValue,
  signal: AbortSignal,
): Promise<string> {
  const plainInput: DBusValue = { signature: 's', value: '' };
  const openSession = { ...service, member: 'OpenSession', signature: 'sv', body: ['plain', plainInput] };
  const [, session = ''] = await connection.call(openSession, signal);
  const secret = [session, [], [...Buffer.from(password)], 'text/plain'];
  const call = {
    ...service,
    interface: 'org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface',
    member,
    signature: `${signature}(oayays)`,
    body: [argument, secret],
  };
  const [path] = await connection.call(call, signal);
  return typeof path === 'string' ? path : '';
}

export function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
