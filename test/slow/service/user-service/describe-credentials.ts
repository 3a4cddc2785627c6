import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readBlocks } from '../../../support/documents.ts';
import type { UserService } from '../../../support/systems/user-service.ts';

/** A unit of the user that gets its token with `LoadCredential=`, as RECIPES.md describes. */
export function describeCredentials(service: UserService): void {
  const systemctl = (...args: readonly string[]) => service.userManager.run(['systemctl', '--user', ...args]);

  it('19.4: gives a unit of the user a valid token when it starts, and starts none without one', async () => {
    service.writeConfig(
      `iam: { endpoint: "${service.emulator.url}" }\nsystemd: { credentialSocket: true }\n`,
    );
    await service.installAndLogIn();
    const folder = join(service.userManager.home, '.config/systemd/user');
    const [recipe = ''] = readBlocks('systemd credentials', 'ini');
    const output = join(service.userManager.home, 'token');
    const script = `cat "$CREDENTIALS_DIRECTORY/iam-token" >${output}`;
    const unit = recipe.replace(/^ExecStart=.*$/m, `ExecStart=/bin/sh -c '${script}'`);
    writeFileSync(join(folder, 'reader.service'), unit);
    await service.expectSuccess(systemctl('daemon-reload'));
    // The unit starts the daemon, and waits until it listens.
    await service.expectSuccess(systemctl('stop', 'iam-tokend.service'));
    await service.expectSuccess(systemctl('start', 'reader.service'));
    const token = (await service.expectSuccess(service.iamToken())).trim();
    assert.equal(await service.expectSuccess(service.userManager.run(['cat', output])), token);

    await service.expectSuccess(service.iamToken('lock'));
    await service.userManager.run(['rm', output]);
    assert.notEqual((await systemctl('start', 'reader.service')).code, 0);
    assert.equal(await service.readUnitProperty('ExecMainStatus', 'reader.service'), '243');
    assert.notEqual((await service.userManager.run(['test', '-e', output])).code, 0, 'it has not run');
    await service.expectSuccess(service.iamToken('unlock'));
    await systemctl('reset-failed', 'reader.service');
    await service.userManager.run(['rm', join(folder, 'reader.service')]);
    // systemd keeps these two folders.
    const systemdFolders = ['credentials', 'systemd/temporary-credentials'];
    await service.userManager.run(['rmdir', ...systemdFolders.map((name) => `/run/user/61234/${name}`)]);
    await service.expectSuccess(systemctl('daemon-reload'));
  });
}
