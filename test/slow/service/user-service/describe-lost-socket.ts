import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { type UserService, userServiceSocket } from '../../../support/systems/user-service.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const folder = dirname(userServiceSocket);

/** Commands of a shell, after each of which no path leads to the socket that systemd passed. */
const damages: Readonly<Record<string, string>> = {
  'its socket is removed': `rm ${userServiceSocket}`,
  'its folder is removed': `rm -r ${folder}`,
  'a plain file takes the place of its socket': `rm ${userServiceSocket} && echo precious >${userServiceSocket}`,
  'a plain file takes the place of its folder': `rm -r ${folder} && echo precious >${folder}`,
};

export function describeLostSocket(service: UserService): void {
  const runShell = (script: string): Promise<string> =>
    service.expectSuccess(service.userManager.run(['sh', '-c', script]));
  const canConnect = async (): Promise<boolean> => (await service.iamToken('profiles')).code === 0;

  // What was in the way is kept under another name.
  const removeKeptFiles = (): Promise<string> => runShell(`rm -rf ${folder}/*.old-* ${folder}.old-*`);

  for (const [name, damage] of Object.entries(damages)) {
    it(`E1: serves again after ${name}, and install gives the path back to systemd`, async () => {
      await service.installAndLogIn();
      await runShell(damage);
      process.kill(await service.readMainPid(), 'SIGHUP');
      await waitUntil(canConnect, 'it serves');
      // The daemon's own lock file is the next that may be lost.
      await runShell(`rm ${userServiceSocket}.lock`);
      process.kill(await service.readMainPid(), 'SIGHUP');
      await waitUntil(
        async () => (await service.userManager.run(['test', '-e', `${userServiceSocket}.lock`])).code === 0,
        'it has locked the socket again',
      );
      await service.expectSuccess(service.iamToken('install'));
      await service.expectSuccess(
        service.userManager.run(['systemctl', '--user', 'stop', 'iam-tokend.service']),
      );
      assert.match(await service.expectSuccess(service.iamToken()), /^t1\./, 'systemd listens on it');
      await removeKeptFiles();
    });
  }

  it('E1: serves again after a folder is mounted over that of its socket', async () => {
    await service.installAndLogIn();
    const inNamespace = (...argv: readonly string[]): Promise<string> =>
      service.expectSuccess(service.userManager.runAsRoot(argv));
    await inNamespace('mount', '-t', 'tmpfs', '-o', 'mode=700,uid=61234,gid=61234', 'tmpfs', folder);
    process.kill(await service.readMainPid(), 'SIGHUP');
    await waitUntil(canConnect, 'it serves');
    await inNamespace('umount', '--lazy', folder);
    process.kill(await service.readMainPid(), 'SIGHUP');
    await waitUntil(canConnect, 'it serves again');
    await service.expectSuccess(service.iamToken('install'));
    assert.match(await service.expectSuccess(service.iamToken()), /^t1\./);
  });
}
