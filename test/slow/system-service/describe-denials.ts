import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { findHintLine } from '../../conventions/hints/match-hint.ts';
import type { ProcessResult } from '../../support/systems/user-manager.ts';
import type { SystemService } from './describe-lost-socket.ts';

/** Calls that cannot reach a daemon for a reason of their own. Each hint is typed as it stands. */
export function describeDenials(service: SystemService): void {
  const { clientProgram, socket, runAsRoot, iamToken, expectSuccess } = service;

  /** Types a command as root, where `sudo` needs no password. */
  const typeHint = (hint: string, printed: string): Promise<ProcessResult> =>
    runAsRoot('sh', '-c', findHintLine(hint, printed));
  before(async () => {
    const script = `#!/bin/sh\nexec ${process.execPath} ${clientProgram} "$@"\n`;
    await runAsRoot('sh', '-c', `printf '%s' '${script}' >/usr/local/bin/iam-token`);
    await runAsRoot('chmod', '755', '/usr/local/bin/iam-token');
  });
  after(() => runAsRoot('rm', '/usr/local/bin/iam-token'));

  const skipWithoutSudo = (test: Mocha.Context): void => {
    if (!existsSync('/usr/bin/sudo')) test.skip();
  };

  it('C8: names the group that a user is not in, with the command that adds the user', async function () {
    skipWithoutSudo(this);
    await expectSuccess(runAsRoot('useradd', '--create-home', 'bob'));
    for (const args of [[], ['status'], ['login', '--stdin']]) {
      const { code, stderr } = await iamToken('bob', [...args, '--socket', socket]);
      assert.equal(code, 3);
      assert.match(
        stderr,
        /^iam-token: error: cannot connect to \/run\/iam-tokend\/ipc\.sock: permission denied; you are not in the group iam-tokend\n/,
      );
    }
    const doctor = await iamToken('bob', ['doctor', '--socket', socket]);
    assert.match(doctor.stdout, /^failed +folder +.*; you are not in the group iam-tokend$/m);
    const { stderr } = await iamToken('bob', ['--socket', socket]);
    const addUser = 'explain-unreachable.ts: sudo usermod --append --groups ${} ${}';
    const { code, stderr: stderrOfHint } = await typeHint(addUser, stderr);
    assert.equal(code, 0, stderrOfHint);
    assert.match(await expectSuccess(iamToken('bob', ['--socket', socket])), /^t1\./);
    // A session that is older than the membership; newgrp(1) starts a shell, which reads its commands from stdin.
    const client = `${process.execPath} ${clientProgram} --socket ${socket}`;
    const oldSession = ['setpriv', '--reuid=bob', '--regid=bob', '--clear-groups', 'sh', '-c'];
    const denied = await runAsRoot(...oldSession, client);
    assert.match(denied.stderr, /; you are in the group iam-tokend only from your next login on\n/);
    const newGroup = findHintLine('explain-unreachable.ts: newgrp ${}', denied.stderr);
    const inGroup = await runAsRoot(...oldSession, `echo '${client}' | ${newGroup}`);
    assert.match(inGroup.stdout, /^t1\./, inGroup.stderr);
    await expectSuccess(runAsRoot('userdel', '--remove', 'bob'));
  });

  it('C8: names the command that a group member may not run, in words of the command line', async () => {
    const { code, stderr } = await iamToken('anna', ['aws-credential-process', '--socket', socket]);
    assert.equal(code, 2);
    assert.match(stderr, /error: iam-token aws-credential-process is reserved for root and the user/);
  });

  it('C7: names the daemon for all users to root, and to a user without a daemon', async () => {
    for (const user of ['root', 'anna']) {
      const { code, stderr } = await iamToken(user, []);
      assert.equal(code, 3);
      assert.match(stderr, /: the daemon for all users is used only if its socket is named\n/);
      const { stdout, code: exitCode } = await typeHint(
        'explain-unreachable.ts: iam-token --socket ${}',
        stderr,
      );
      assert.equal(exitCode, 0);
      assert.match(stdout, /^t1\./);
    }
  });

  describe('C7: with a daemon of another user', () => {
    const user = 'carl';
    const client = `${process.execPath} ${clientProgram}`;
    const unitPath = '/etc/systemd/system/web.service';
    let runtimeFolder: string;
    const runAsUser = (command: string): Promise<ProcessResult> =>
      runAsRoot('runuser', '--user', user, '--', 'sh', '-c', `export HOME=/home/${user}; ${command}`);

    before(async () => {
      await expectSuccess(runAsRoot('useradd', '--create-home', user));
      const uid = (await expectSuccess(runAsRoot('id', '--user', user))).trim();
      runtimeFolder = `/run/user/${uid}`;
      await expectSuccess(runAsRoot('install', '-d', '-m', '700', '-o', user, runtimeFolder));
      const daemon = clientProgram.replace('iam-token.js', 'iam-tokend.js');
      await runAsUser(`${process.execPath} ${daemon} --store memory >/dev/null 2>&1 &`);
      await runAsUser(`until ${client} status; do sleep .1; done`);
    });
    after(async () => {
      await runAsUser(`${client} stop`);
      await expectSuccess(runAsRoot('rm', '-r', runtimeFolder, '-f', unitPath, `${unitPath}.d`));
      await expectSuccess(runAsRoot('userdel', '--remove', user));
    });

    it('names sudo, and the user whose daemon it does not use', async function () {
      skipWithoutSudo(this);
      const rule = `${user} ALL=(ALL) NOPASSWD: ALL`;
      await runAsRoot('sh', '-c', `echo '${rule}' >/etc/sudoers.d/${user}`);
      const { code, stderr } = await runAsUser(`sudo ${client}`);
      await runAsRoot('rm', `/etc/sudoers.d/${user}`);
      assert.equal(code, 3);
      assert.match(
        stderr,
        /: sudo runs iam-token as another user, and the daemon of carl serves carl only\n/,
      );
      // The daemon answers, and has no credential.
      assert.equal((await typeHint('explain-unreachable.ts: sudo -u ${} iam-token', stderr)).code, 4);
    });

    it('names ProtectHome= of a service that runs as the user, with a command that mends it', async function () {
      skipWithoutSudo(this);
      const settings = ['Type=oneshot', `User=${user}`, 'ProtectHome=yes', `ExecStart=${client}`];
      const text = ['[Service]', ...settings].join('\\n');
      await runAsRoot('sh', '-c', `printf '${text}\\n' >${unitPath}`);
      await runAsRoot('systemctl', 'start', 'web.service');
      const readJournal = (): Promise<string> =>
        expectSuccess(runAsRoot('journalctl', '--unit=web.service', '--output=cat', '--lines=20'));
      const journal = await readJournal();
      assert.match(journal, /: ProtectHome= of web\.service hides \/run\/user\/\d+\n/);
      const dropIn =
        'service-sandbox.ts: sudo mkdir -p ${} && ${} | sudo tee ${}/iam-tokend.conf && sudo systemctl daemon-reload && sudo systemctl restart ${}';
      await typeHint(dropIn, journal);
      // The daemon answers, and has no credential.
      assert.match(await readJournal(), /iam-token: hint: iam-token login\n/);
    });
  });

  it('C7: names PrivateTmp= of a service that hides the socket of a user without a session', async () => {
    const properties = ['--property=User=eve', '--property=PrivateTmp=yes', '--unit=caller.service'];
    const command = [process.execPath, clientProgram];
    const { stderr } = await runAsRoot(
      'systemd-run',
      '--quiet',
      '--wait',
      '--pipe',
      ...properties,
      ...command,
    );
    assert.match(stderr, /: PrivateTmp= of caller\.service hides \/tmp\n/);
    assert.match(stderr, /printf '\[Service\]\\nPrivateTmp=no\\n' \| sudo tee/);
  });
}

/** On a machine without a daemon for all users. */
export function describeServiceWithoutSession(service: SystemService): void {
  const { clientProgram, runAsRoot } = service;

  it('C7: names the missing session to a service of a user, with the command that makes it unnecessary', async function () {
    if (!existsSync('/usr/bin/sudo')) this.skip();
    const command = ['systemd-run', '--quiet', '--collect', '--wait', '--pipe', '--property=User=eve'];
    const { stderr } = await runAsRoot(...command, process.execPath, clientProgram);
    assert.match(stderr, /: the services of eve run only during a session of eve\n/);
    const enableLinger = findHintLine('explain-unreachable.ts: sudo loginctl enable-linger ${}', stderr);
    assert.equal((await runAsRoot('sh', '-c', enableLinger)).code, 0);
    const { stdout } = await runAsRoot('loginctl', 'show-user', '--property=Linger', 'eve');
    assert.equal(stdout, 'Linger=yes\n');
    await runAsRoot('loginctl', 'disable-linger', 'eve');
  });
}
