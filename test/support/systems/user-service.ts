import assert from 'node:assert/strict';
import { chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Emulator, startEmulator } from '../../emulator/emulator.ts';
import type { LoadReport } from '../daemon/load-clients.ts';
import { loadClientsProgram, runLoadClients } from '../processes/run-load-clients.ts';
import { installTarball } from '../processes/package-tarball.ts';
import { oauthToken, rareRenewals } from '../test-environment.ts';
import { createRealClock } from '../time/real-clock.ts';
import { waitUntil } from '../wait-until.ts';
import { type ProcessResult, startUserManager, type UserManager } from './user-manager.ts';

export const userServiceSocket = '/run/user/61234/iam-tokend/ipc.sock';

/** The packed programs in the session of a user, with a real `systemd --user` and a keyring. */
export class UserService {
  #userManager: UserManager | undefined;
  #emulator: Emulator | undefined;

  async start(): Promise<void> {
    this.#emulator = await startEmulator({
      clock: createRealClock(),
      oauthAccounts: [{ token: oauthToken }],
    });
    const userManager = await startUserManager();
    this.#userManager = userManager;
    installTarball(this.prefix);
    userManager.start(['gnome-keyring-daemon', '--foreground', '--components=secrets', '--unlock'], {
      stdin: 'test',
    });
    const busctlCommand = ['busctl', '--user', 'status', 'org.freedesktop.secrets'];
    await waitUntil(async () => (await userManager.run(busctlCommand)).code === 0, 'there is a keyring');
  }

  async stop(): Promise<void> {
    await this.#userManager?.stop();
    await this.#emulator?.close();
  }

  get userManager(): UserManager {
    return this.#userManager ?? assert.fail('the service has not started');
  }

  get emulator(): Emulator {
    return this.#emulator ?? assert.fail('the service has not started');
  }

  /** Of `npm install --global`. */
  get prefix(): string {
    return join(this.userManager.folder, 'a prefix 100%');
  }

  iamToken(...args: readonly string[]): Promise<ProcessResult> {
    return this.iamTokenWith(args);
  }

  iamTokenWith(args: readonly string[], env = {}, stdin = ''): Promise<ProcessResult> {
    return this.userManager.run([process.execPath, join(this.prefix, 'bin/iam-token'), ...args], {
      env,
      stdin,
    });
  }

  /** Runs a command line in a shell whose PATH has the programs. */
  type(line: string): Promise<ProcessResult> {
    const folders = [join(this.prefix, 'bin'), dirname(process.execPath)].join(':');
    return this.userManager.run(['sh', '-c', `PATH="${folders}:$PATH"; ${line}`]);
  }

  async expectSuccess(result: Promise<ProcessResult>): Promise<string> {
    const { stdout, stderr, code } = await result;
    assert.equal(code, 0, stderr);
    return stdout;
  }

  async installAndLogIn(): Promise<void> {
    await this.expectSuccess(this.iamToken('install'));
    await this.expectSuccess(this.iamTokenWith(['login', '--stdin'], {}, oauthToken));
  }

  /** All names in the user's home and runtime folder, except those of the keyring, and the units of iam-tokend. */
  async listFilesAndUnits(): Promise<string> {
    const findArgs = [this.userManager.home, '/run/user/61234', '-not', '-path', '*keyring*'];
    const names = await this.userManager.run(['find', ...findArgs]);
    const listArgs = ['list-units', '--all', '--plain', '--no-legend'];
    const units = await this.userManager.run(['systemctl', '--user', ...listArgs]);
    const ownUnits = units.stdout.split('\n').filter((line) => line.includes('iam-token'));
    // systemd keeps a note of each unit that has run.
    const stableNames = names.stdout
      .split('\n')
      .filter((name) => !/\/\.cache|\/\.local(\/share)?$|\/systemd\/units/.test(name));
    return [...stableNames.toSorted(), ...ownUnits].join('\n');
  }

  /** @param text of config.yaml, to which `rareRenewals` is added */
  writeConfig(text: string): void {
    const { home } = this.userManager;
    const folder = join(home, '.config/iam-tokend');
    const { uid, gid } = statSync(home);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, 'config.yaml'), text + rareRenewals);
    for (const path of [join(home, '.config'), folder, join(folder, 'config.yaml')])
      chownSync(path, uid, gid);
  }

  /** Adds a drop-in of the user, and installs again. */
  async addUnitDropIn(settings: string): Promise<void> {
    const folder = join(this.userManager.home, '.config/systemd/user/iam-tokend.service.d');
    await this.userManager.run(['mkdir', '-p', folder]);
    writeFileSync(join(folder, 'test.conf'), `[Service]\n${settings}\n`);
    await this.expectSuccess(this.iamToken('install'));
  }

  async readUnitProperty(name: string, unit = 'iam-tokend.service'): Promise<string> {
    const showArgs = ['show', '--value', `--property=${name}`, unit];
    const { stdout } = await this.userManager.run(['systemctl', '--user', ...showArgs]);
    return stdout.trim();
  }

  async readMainPid(): Promise<number> {
    return Number(await this.readUnitProperty('MainPID'));
  }

  async readProc(name: string): Promise<string> {
    return readFileSync(`/proc/${await this.readMainPid()}/${name}`, 'utf8');
  }

  /**
   * Runs `action` while fifty clients send requests, and reports their responses and failures.
   * @param library the module of `iam-tokend/client` in the package
   */
  async withFiftyClients(
    action: () => Promise<void>,
    library = 'dist/library/esm/client/iam-token-client.js',
  ): Promise<LoadReport> {
    const modulePath = join(this.prefix, 'lib/node_modules/iam-tokend', library);
    const command = this.userManager.command([process.execPath, loadClientsProgram, modulePath, '50']);
    return runLoadClients(command, async () => {
      await action();
      await this.expectSuccess(this.iamToken());
    });
  }
}
