import assert from 'node:assert/strict';
import type { Machine } from '../../support/systems/machine.ts';
import type { ProcessResult } from '../../support/systems/user-manager.ts';
import { oauthToken, rareRenewals } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { SystemService } from './describe-lost-socket.ts';

export interface LingeringUserParts extends SystemService {
  readonly emulatorUrl: () => string;
  readonly listFiles: (...paths: readonly string[]) => Promise<string>;
  readonly getMachine: () => Machine;
}

/** The daemon of a user, which runs from boot on. */
export function describeLingeringUser(parts: LingeringUserParts): void {
  const { runAsRoot, iamToken, expectSuccess, emulatorUrl, listFiles, getMachine } = parts;

  describe('for a user with lingering enabled', () => {
    it('serves a token after a reboot without a login, and leaves nothing after a purge', async () => {
      const uid = (await expectSuccess(runAsRoot('id', '--user', 'anna'))).trim();
      const runtimeFolder = `/run/user/${uid}`;
      const env = {
        HOME: '/home/anna',
        XDG_RUNTIME_DIR: runtimeFolder,
        DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtimeFolder}/bus`,
      };
      const runAsAnna = (args: readonly string[], stdin = ''): Promise<ProcessResult> =>
        iamToken('anna', args, env, stdin);
      const isUserManagerRunning = async (): Promise<boolean> =>
        (await getMachine().run('anna', ['systemctl', '--user', 'is-active', 'default.target'], { env }))
          .code === 0;
      await expectSuccess(runAsRoot('loginctl', 'enable-linger', 'anna'));
      await waitUntil(isUserManagerRunning, 'the user manager runs');
      const filesBefore = await listFiles('/home/anna', runtimeFolder);
      await expectSuccess(
        getMachine().run('anna', ['mkdir', '-p', '/home/anna/.config/iam-tokend'], { env }),
      );
      const config = `${rareRenewals}store: file\nfile: { key: { key-file: /home/anna/.config/iam-tokend/key } }\niam: { endpoint: "${emulatorUrl()}" }`;
      const script = `umask 077; cd ~/.config/iam-tokend; echo '${config}' >config.yaml; head -c 32 /dev/urandom >key`;
      await expectSuccess(getMachine().run('anna', ['sh', '-c', script], { env }));
      await expectSuccess(runAsAnna(['install']));
      await expectSuccess(runAsAnna(['login', '--stdin'], oauthToken));
      const token = await expectSuccess(runAsAnna([]));
      await getMachine().reboot();
      assert.equal(await expectSuccess(runAsAnna([])), token);
      assert.match(
        await expectSuccess(runAsAnna(['status'])),
        /service +iam-tokend\.service \(systemd --user\)\n/,
      );
      await expectSuccess(runAsAnna(['uninstall', '--purge']));
      assert.equal(await listFiles('/home/anna', runtimeFolder), filesBefore);
    });
  });
}
