import assert from 'node:assert/strict';
import { version } from '../../../src/shared/version.ts';
import type { LoadReport } from '../../support/daemon/load-clients.ts';
import { oauthToken, rareRenewals } from '../../support/test-environment.ts';
import type { SystemService } from './describe-lost-socket.ts';

export interface UpgradedSystem extends SystemService {
  readonly emulatorUrl: () => string;
  /** Installs the package of 0.1.0, or of this release again. */
  readonly installFirstRelease: () => void;
  readonly installThisRelease: () => void;
  /** Runs `action` while ten clients of a user send requests with a library of the package. */
  readonly withClients: (user: string, library: string, action: () => Promise<void>) => Promise<LoadReport>;
}

/** The daemon for all users, as 0.1.0 has installed it. */
export function describeUpgrade(system: UpgradedSystem): void {
  const { socket, runAsRoot, iamToken, expectSuccess } = system;
  const succeed = (user: string, args: readonly string[] = [], stdin = ''): Promise<string> =>
    expectSuccess(iamToken(user, [...args, '--socket', socket], {}, stdin));
  const install = (): Promise<string> => expectSuccess(iamToken('root', ['install', '--system']));
  const readVersion = async (): Promise<string> =>
    (JSON.parse(await succeed('anna', ['status', '--json'])) as { daemon: { version: string } }).daemon
      .version;
  const readConfig = (): Promise<string> =>
    expectSuccess(runAsRoot('cat', '/etc/iam-tokend/config.yaml', '/etc/iam-tokend/store.key'));

  describe('19.6: upgraded from 0.1.0', function () {
    // Several packages are installed.
    this.timeout(300_000);

    before(async () => {
      system.installFirstRelease();
      await install();
      const line = `${rareRenewals}iam: { endpoint: "${system.emulatorUrl()}" }`;
      await expectSuccess(runAsRoot('sh', '-c', `echo '${line}' >>/etc/iam-tokend/config.yaml`));
      await expectSuccess(runAsRoot('systemctl', 'restart', 'iam-tokend'));
      await succeed('root', ['login', '--oauth', '--stdin'], oauthToken);
      await expectSuccess(runAsRoot('usermod', '--append', '--groups', 'iam-tokend', 'anna'));
    });
    after(async () => {
      system.installThisRelease();
      await expectSuccess(iamToken('root', ['uninstall', '--system', '--purge', '--yes']));
    });

    it('drops no request of users with the library of 0.1.0, and keeps credential, token and configuration', async () => {
      const token = await succeed('anna');
      const config = await readConfig();
      const { failures, minResponseCount } = await system.withClients(
        'anna',
        'dist/src/client/iam-token-client.js',
        async () => {
          system.installThisRelease();
          await install();
          await succeed('anna');
        },
      );
      assert.deepEqual(failures, []);
      assert.ok(minResponseCount > 0);
      assert.equal(await readVersion(), version);
      assert.equal(await succeed('anna'), token);
      assert.equal(await readConfig(), config);
      await succeed('root', ['refresh']);
      assert.notEqual(await succeed('anna'), token);
    });

    it('goes back to 0.1.0, locked as it was', async () => {
      const token = await succeed('anna');
      await succeed('root', ['lock']);
      system.installFirstRelease();
      await install();
      assert.equal(await readVersion(), '0.1.0');
      assert.equal((await iamToken('anna', ['--socket', socket])).code, 6);
      await succeed('root', ['unlock']);
      assert.equal(await succeed('anna'), token);
      await succeed('root', ['refresh']);
    });
  });
}
