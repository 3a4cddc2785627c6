import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../../../../src/shared/version.ts';
import { installTarball } from '../../../support/processes/package-tarball.ts';
import { firstRelease } from '../../../support/releases/first-release.ts';
import type { UserService } from '../../../support/systems/user-service.ts';
import { oauthToken } from '../../../support/test-environment.ts';

/** A test installs several packages. */
const installationTimeoutMs = 300_000;

/** What 0.1.0 has installed: a running service with its units, and a keyring. */
export function describeUpgrade(service: UserService): void {
  const readText = (name: string): string =>
    readFileSync(join(service.userManager.home, '.config/iam-tokend', name), 'utf8');
  const succeed = (...args: readonly string[]): Promise<string> =>
    service.expectSuccess(service.iamToken(...args));
  const readVersion = async (): Promise<string> =>
    (JSON.parse(await succeed('status', '--json')) as { daemon: { version: string } }).daemon.version;

  beforeEach(async () => {
    installTarball(service.prefix, firstRelease);
    await service.installAndLogIn();
  });
  // The other tests, and the removal, use this release.
  afterEach(() => installTarball(service.prefix));

  it('19.6: drops no request of programs with the library of 0.1.0, and keeps credential, token and configuration', async function () {
    this.timeout(installationTimeoutMs);
    const token = await succeed();
    const config = readText('config.yaml');
    const { failures, minResponseCount } = await service.withFiftyClients(async () => {
      installTarball(service.prefix);
      await succeed('install');
    }, 'dist/src/client/iam-token-client.js');
    assert.deepEqual(failures, []);
    assert.ok(minResponseCount > 0);
    assert.equal(await readVersion(), version);
    assert.equal(await succeed(), token, 'the stored token is served');
    assert.equal(readText('config.yaml'), config);
    await succeed('refresh');
    assert.notEqual(await succeed(), token, 'the credential works');
  });

  it('19.6: runs under the units of 0.1.0 too, and goes back to 0.1.0, locked as it was', async function () {
    this.timeout(installationTimeoutMs);
    const token = await succeed();
    installTarball(service.prefix);
    const restart = ['systemctl', '--user', 'restart', 'iam-tokend.service'];
    await service.expectSuccess(service.userManager.run(restart));
    assert.equal(await readVersion(), version);
    assert.equal(await succeed(), token);

    await succeed('install');
    await service.expectSuccess(service.iamTokenWith(['login', '--oauth', '--stdin'], {}, oauthToken));
    const newToken = await succeed();
    await succeed('lock');
    installTarball(service.prefix, firstRelease);
    await succeed('install');
    assert.equal(await readVersion(), '0.1.0');
    assert.match((await service.iamToken()).stderr, /locked/);
    await succeed('unlock');
    assert.equal(await succeed(), newToken);
    // The link to the native client in ~/.local/bin leads nowhere now: the shell takes the next program.
    const shellScript = 'PATH=~/.local/bin:"$0":$PATH iam-token';
    const command = ['sh', '-c', shellScript, join(service.prefix, 'bin')];
    assert.equal(await service.expectSuccess(service.userManager.run(command)), newToken);
    await succeed('refresh');
    assert.notEqual(await succeed(), newToken);
  });
}
