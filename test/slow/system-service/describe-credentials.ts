import assert from 'node:assert/strict';
import { readBlocks, readCommandBlocks } from '../../support/documents.ts';
import { oauthToken } from '../../support/test-environment.ts';
import type { SystemService } from './describe-lost-socket.ts';

/** Units of the system that get their token with `LoadCredential=`, as RECIPES.md describes. */
export function describeCredentials(service: SystemService): void {
  const { socket, runAsRoot, iamToken, expectSuccess } = service;
  const runShell = (script: string): Promise<string> => expectSuccess(runAsRoot('sh', '-c', script));
  const journal = (unit: string): Promise<string> =>
    expectSuccess(runAsRoot('journalctl', '--unit', unit, '--lines=30', '--output=cat'));

  /** The unit of the recipe, for the system, with another program. */
  async function writeUnit(name: string, credential: string, program: string): Promise<void> {
    const [recipe = ''] = readBlocks('systemd credentials', 'ini');
    const unit = recipe
      .replace('iam-token:%t/iam-tokend', `${credential}:/run/iam-tokend`)
      .replace(/^ExecStart=.*$/m, `ExecStart=/bin/sh -c '${program}'`);
    assert.match(unit, /^LoadCredential=iam-token\S*:\/run\/iam-tokend\/credential\.sock$/m);
    await expectSuccess(
      runAsRoot('sh', '-c', 'printf %s "$1" >"/run/systemd/system/$2.service"', 'sh', unit, name),
    );
    await runShell('systemctl daemon-reload');
  }
  const printCredential = (credential: string): string => `cat "$CREDENTIALS_DIRECTORY/${credential}"`;

  describe('19.4: with systemd.credentialSocket', () => {
    before(async () => {
      await runShell(`echo 'systemd: { credentialSocket: true }' >>/etc/iam-tokend/config.yaml`);
      const [commands = ''] = readCommandBlocks('systemd credentials');
      await runShell(commands.replaceAll('sudo ', ''));
    });
    after(async () => {
      await runShell('systemctl disable --now iam-tokend-credential.socket');
      await runShell(`sed -i /^systemd:/d /etc/iam-tokend/config.yaml`);
      await runShell('systemctl restart iam-tokend.socket iam-tokend.service');
    });

    it('gives a unit the token of the default profile when it starts', async () => {
      await writeUnit('reader', 'iam-token', printCredential('iam-token'));
      await runShell('systemctl start reader.service');
      const token = (await expectSuccess(iamToken('anna', ['--socket', socket]))).trim();
      assert.ok((await journal('reader')).split('\n').includes(token));
      assert.match(
        await journal('iam-tokend'),
        /gave a token to the unit reader\.service, for the credential iam-token$/m,
      );
    });

    it('gives a unit the token of the profile that its credential names', async () => {
      await expectSuccess(
        iamToken('root', ['login', '--profile', 'work', '--stdin', '--socket', socket], {}, oauthToken),
      );
      await writeUnit('worker', 'iam-token.work', printCredential('iam-token.work'));
      await runShell('systemctl start worker.service');
      const token = (await expectSuccess(iamToken('anna', ['--profile', 'work', '--socket', socket]))).trim();
      assert.ok((await journal('worker')).split('\n').includes(token));
      await expectSuccess(iamToken('root', ['logout', '--profile', 'work', '--socket', socket]));
    });

    it('starts no unit without a token, and logs the reason', async () => {
      await writeUnit('failing', 'iam-token.nobodys', 'echo started');
      assert.notEqual((await runAsRoot('systemctl', 'start', 'failing.service')).code, 0);
      const state = await runAsRoot('systemctl', 'show', '--property=ExecMainStatus', 'failing.service');
      assert.equal(state.stdout, 'ExecMainStatus=243\n');
      assert.ok(!(await journal('failing')).includes('started\n'));
      assert.match(
        await journal('iam-tokend'),
        /gave no token to the unit failing\.service, for the credential iam-token\.nobodys: .*nobodys/,
      );
    });

    it('starts no unit while the daemon is locked', async () => {
      await expectSuccess(iamToken('root', ['lock', '--socket', socket]));
      assert.notEqual((await runAsRoot('systemctl', 'start', 'reader.service')).code, 0);
      await expectSuccess(iamToken('root', ['unlock', '--socket', socket]));
      await runShell('systemctl reset-failed reader.service && systemctl start reader.service');
    });

    it('starts no unit, instead of one without a token, if the configuration turns it off', async () => {
      await runShell(`sed -i /^systemd:/d /etc/iam-tokend/config.yaml; systemctl restart iam-tokend`);
      assert.notEqual((await runAsRoot('systemctl', 'start', 'reader.service')).code, 0);
      assert.match(await journal('iam-tokend'), /systemd\.credentialSocket is off in config\.yaml/);
      await runShell(`echo 'systemd: { credentialSocket: true }' >>/etc/iam-tokend/config.yaml`);
      await runShell('systemctl restart iam-tokend');
    });

    it('starts no unit if the daemon itself cannot start', async () => {
      await runShell('systemctl stop iam-tokend.service');
      await runShell(`echo 'nonsense: true' >>/etc/iam-tokend/config.yaml`);
      assert.notEqual((await runAsRoot('systemctl', 'start', 'reader.service')).code, 0);
      await runShell(`sed -i /^nonsense:/d /etc/iam-tokend/config.yaml`);
      // The daemon answers for some seconds why it cannot start.
      await runShell('systemctl stop iam-tokend.service && systemctl reset-failed');
      await runShell('systemctl start iam-tokend.service && systemctl start reader.service');
    });

    it('gives no other user a token, in the group or not', async () => {
      for (const user of ['anna', 'eve']) {
        const script = `socat -u UNIX-CONNECT:/run/iam-tokend/credential.sock -`;
        const { stdout, code } = await runAsRoot('runuser', '-u', user, '--', 'sh', '-c', script);
        assert.notEqual(code, 0);
        assert.equal(stdout, '');
      }
    });
  });
}
