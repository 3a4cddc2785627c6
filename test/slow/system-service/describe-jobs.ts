import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readBlocks, readCommandBlocks } from '../../support/documents.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { SystemService } from './describe-lost-socket.ts';

/** Services, timers, cron, su and sudo with the token of the system daemon or of a user's, as RECIPES.md describes. */
export function describeJobs(service: SystemService): void {
  const { clientProgram, socket, runAsRoot, iamToken, expectSuccess } = service;
  const runShell = (script: string): Promise<string> => expectSuccess(runAsRoot('sh', '-c', script));
  const outputFolder = '/tmp/jobs';
  const url = 'https://resource-manager.api.cloud.yandex.net/resource-manager/v1/clouds';
  /** In place of the API: shows that the header arrives. */
  const curlScript = `#!/bin/sh\ncase "$*" in "-sSf -H @- ${url}") cat >>"\${OUTPUT:-${outputFolder}}/$(id -un)" ;; esac\n`;

  async function writeFile(path: string, text: string): Promise<void> {
    await expectSuccess(runAsRoot('sh', '-c', 'printf %s "$1" >"$2"', 'sh', text, path));
  }
  const readHeader = async (name: string): Promise<string> =>
    (await runAsRoot('cat', `${outputFolder}/${name}`)).stdout;
  const headerOf = async (user: string, ...args: readonly string[]): Promise<string> =>
    expectSuccess(iamToken(user, ['--format', 'header', ...args]));

  describe('19.4: jobs', () => {
    before(async () => {
      await runShell(`mkdir -p ${outputFolder} && chmod 1777 ${outputFolder}`);
      await writeFile(
        '/usr/local/bin/iam-token',
        `#!/bin/sh\nexec ${process.execPath} ${clientProgram} "$@"\n`,
      );
      await writeFile('/usr/local/bin/curl', curlScript);
      await runShell('chmod 755 /usr/local/bin/iam-token /usr/local/bin/curl');
    });
    after(() =>
      runShell(
        `rm -rf /usr/local/bin/iam-token /usr/local/bin/curl ${outputFolder} /var/spool/cron/crontabs/anna`,
      ),
    );

    it('get the token of the system daemon in a service with SupplementaryGroups=, and by its timer', async () => {
      const [serviceUnit = '', timerUnit = ''] = readBlocks('systemd services and timers', 'ini');
      // A dynamic user may write to its state folder only.
      const unit = `${serviceUnit}StateDirectory=clouds\nEnvironment=OUTPUT=/var/lib/clouds\n`;
      await writeFile('/run/systemd/system/clouds.service', unit);
      await writeFile(
        '/run/systemd/system/clouds.timer',
        timerUnit.replace('[Timer]', '[Timer]\nOnActiveSec=0').replace(/RandomizedDelaySec=.*\n/, ''),
      );
      await runShell('systemctl daemon-reload && systemctl start clouds.service');
      const header = await headerOf('anna', '--socket', socket);
      const readOutput = (): Promise<string> => runShell('cat /var/lib/clouds/clouds');
      assert.equal(await readOutput(), header);
      await runShell('systemctl start clouds.timer');
      await waitUntil(async () => (await readOutput()) === header + header, 'the timer has run it');
      await runShell('systemctl stop clouds.timer && rm -r /var/lib/private/clouds /var/lib/clouds');
    });

    it('get the token of the system daemon by cron, which has neither its PATH nor XDG_RUNTIME_DIR', async function () {
      if (!existsSync('/usr/sbin/cron')) this.skip();
      const [crontab = ''] = readBlocks('cron', 'crontab');
      assert.match(crontab, /^PATH=\S+\n0 \* \* \* \* iam-token .*\n$/);
      const job = crontab.replace('0 * * * *', '@reboot').replace(/^/, `IAM_TOKEND_SOCKET=${socket}\n`);
      await writeFile('/tmp/jobs/crontab', job);
      await expectSuccess(runAsRoot('crontab', '-u', 'anna', '/tmp/jobs/crontab'));
      await runShell('rm -f /run/crond.reboot && systemctl restart cron');
      await waitUntil(async () => (await readHeader('anna')) !== '', 'cron has run the job');
      assert.equal(await readHeader('anna'), await headerOf('anna', '--socket', socket));
      await runShell(`rm ${outputFolder}/anna; crontab -u anna -r`);
    });

    it('get the token of the system daemon by su - and sudo -u', async function () {
      if (!existsSync('/usr/bin/sudo')) this.skip();
      const token = await expectSuccess(iamToken('anna', ['--socket', socket]));
      const [command = ''] = readCommandBlocks('su and sudo');
      assert.equal(await runShell(command), token);
      assert.equal(await runShell(`su - anna -c 'iam-token --socket ${socket}'`), token);
    });
  });
}
