import assert from 'node:assert/strict';
import { findHintLine } from '../../conventions/hints/match-hint.ts';
import type { ProcessResult } from '../../support/systems/user-manager.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** A booted machine with the system-wide daemon, and the user anna in its group. */
export interface SystemService {
  readonly clientProgram: string;
  readonly socket: string;
  readonly runAsRoot: (...argv: readonly string[]) => Promise<ProcessResult>;
  readonly iamToken: (
    user: string,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
    stdin?: string,
  ) => Promise<ProcessResult>;
  readonly expectSuccess: (result: Promise<ProcessResult>) => Promise<string>;
}

export function describeLostSocket(service: SystemService): void {
  const { clientProgram, socket, runAsRoot, iamToken, expectSuccess } = service;

  it('A3: names its process while its socket is gone, and gets it back by install', async () => {
    // nspawn mounts a boot id over the kernel's, which a unit with ProtectProc= reads.
    await expectSuccess(runAsRoot('umount', '/proc/sys/kernel/random/boot_id'));
    const unitProperties = ['--value', '--property=MainPID', 'iam-tokend.service'];
    const pid = (await expectSuccess(runAsRoot('systemctl', 'show', ...unitProperties))).trim();
    const record = JSON.parse(await expectSuccess(runAsRoot('cat', '/var/lib/iam-tokend/daemon.json'))) as {
      readonly pid: number;
      readonly socket: string;
    };
    assert.deepEqual([String(record.pid), record.socket], [pid, socket]);
    await expectSuccess(runAsRoot('rm', '-r', '/run/iam-tokend'));
    const { stderr } = await iamToken('root', ['status', '--socket', socket]);
    assert.match(
      stderr,
      new RegExp(`iam-tokend is running \\(pid ${pid}\\), but ${socket} does not lead to it`),
    );
    const secondDaemon = await runAsRoot(
      process.execPath,
      clientProgram.replace('iam-token.js', 'iam-tokend.js'),
      ...['--config', '/etc/iam-tokend/config.yaml'],
    );
    assert.equal(secondDaemon.code, 1);
    assert.match(
      secondDaemon.stderr,
      new RegExp(`another iam-tokend is running .*: pid ${pid} serves ${socket}\n`),
    );
    await expectSuccess(runAsRoot('systemctl', 'reload', 'iam-tokend'));
    const readJournal = (): Promise<string> =>
      expectSuccess(runAsRoot('journalctl', '--unit=iam-tokend.service', '--output=cat'));
    await waitUntil(
      async () =>
        (await readJournal()).includes(
          `${socket} no longer leads to the daemon; run: systemctl restart iam-tokend.socket`,
        ),
      'the daemon reports it',
    );
    const advice = (await readJournal()).replaceAll('; run: ', '\nhint: ');
    const restart = findHintLine('watched-sockets.ts: systemctl restart iam-tokend.socket', advice);
    await expectSuccess(runAsRoot('sh', '-c', restart));
    assert.match(await expectSuccess(iamToken('anna', ['--socket', socket])), /^t1\./);
    await expectSuccess(runAsRoot('rm', '-r', '/run/iam-tokend'));
    await expectSuccess(iamToken('root', ['install', '--system']));
    assert.match(await expectSuccess(iamToken('anna', ['--socket', socket])), /^t1\./);
    await expectSuccess(runAsRoot('rm', socket));
    assert.match(await expectSuccess(iamToken('root', ['stop', '--socket', socket])), /has stopped\n/);
    await expectSuccess(iamToken('root', ['install', '--system']));
    assert.match(await expectSuccess(iamToken('anna', ['--socket', socket])), /^t1\./);
  });

  it('C1: refuses to start as its own user without the socket of systemd, and starts as the hint says', async () => {
    await expectSuccess(runAsRoot('systemctl', 'stop', 'iam-tokend.socket', 'iam-tokend.service'));
    const { code, stderr } = await runAsRoot(
      ...['setpriv', '--reuid=iam-tokend', '--regid=iam-tokend', '--init-groups'],
      ...[process.execPath, clientProgram.replace('iam-token.js', 'iam-tokend.js')],
      ...['--config', '/etc/iam-tokend/config.yaml'],
    );
    assert.equal(code, 1);
    const start = findHintLine('prepare-socket.ts: systemctl start iam-tokend.socket', stderr);
    await expectSuccess(runAsRoot('sh', '-c', start));
    assert.match(await expectSuccess(iamToken('anna', ['--socket', socket])), /^t1\./);
  });

  const folder = '/run/iam-tokend';
  const damages: Readonly<Record<string, string>> = {
    'its socket is removed': `rm ${socket}`,
    'its folder is removed': `rm -r ${folder}`,
    'a plain file takes the place of its socket': `rm ${socket} && echo precious >${socket}`,
    'a plain file takes the place of its folder': `rm -r ${folder} && echo precious >${folder}`,
    'a folder is mounted over its own': `mount -t tmpfs tmpfs ${folder}`,
  };
  for (const [name, damage] of Object.entries(damages)) {
    it(`E1: is repaired by install after ${name}`, async () => {
      await expectSuccess(runAsRoot('sh', '-c', damage));
      await expectSuccess(iamToken('root', ['install', '--system']));
      assert.match(await expectSuccess(iamToken('anna', ['--socket', socket])), /^t1\./);
      const { code } = await runAsRoot('umount', '--lazy', folder);
      if (code !== 0) return;
      // The mount has covered a socket that has no listener any more.
      await expectSuccess(iamToken('root', ['install', '--system']));
      assert.match(await expectSuccess(iamToken('anna', ['--socket', socket])), /^t1\./);
    });
  }
}
