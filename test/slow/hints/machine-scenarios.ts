/** Hints about the daemon for all users, typed by root on a machine of its own: /etc, /run, /var and /root are copies. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { systemPaths } from '../../../src/platform/paths.ts';
import { respondWith, ScriptedDaemon } from '../../support/daemon/scripted-daemon.ts';
import { createStatusResult } from '../../support/daemon/scripted-results.ts';
import { formatKeyFile, getTestKey } from '../../support/iam/test-keys.ts';
import { canRunAsOtherUser, otherUid } from '../../support/processes/other-user.ts';
import type { ProcessResult } from '../../support/processes/process-result.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { HintLab } from './hint-lab.ts';
import type { HintScenario } from './hint-scenario.ts';

const isPossible = canRunAsOtherUser() && ['unshare', 'useradd'].every((name) => isInstalled(name));

function isInstalled(program: string): boolean {
  return ['/usr/bin', '/usr/sbin'].some((folder) => existsSync(`${folder}/${program}`));
}

/** Its folders stay between the lines that are run on it. */
class Machine {
  readonly #lab: HintLab;

  constructor(lab: HintLab, hasSystemd: boolean) {
    this.#lab = lab;
    chmodSync(lab.testEnv.folder, 0o755);
    for (const name of ['run', 'var/lib', 'var/log', 'root'])
      mkdirSync(lab.path('machine', name), { recursive: true });
    execFileSync('cp', ['-a', '/etc', lab.path('machine/etc')]);
    if (hasSystemd) mkdirSync(lab.path('machine/run/systemd/system'), { recursive: true });
    for (const name of ['systemctl', 'journalctl', 'npm', 'yc']) lab.recordProgram(name);
    const sysusers = 'useradd --system --user-group --no-create-home iam-tokend 2>/dev/null; true';
    lab.writeProgram('systemd-sysusers', sysusers);
  }

  run(line: string, env: Readonly<Record<string, string>> = {}): Promise<ProcessResult> {
    const mounts = ['etc', 'run', 'var', 'root']
      .map((name) => `mount --bind '${this.#lab.path('machine', name)}' /${name}`)
      .join(' && ');
    return this.#lab.run(`unshare --mount bash -c '${mounts.replaceAll("'", '"')} && eval "$LINE"'`, {
      LINE: line,
      ...env,
    });
  }

  /** As a user who is neither root nor in the user database. */
  runAsOtherUser(line: string): Promise<ProcessResult> {
    return this.run(`setpriv --reuid=${otherUid} --regid=${otherUid} --clear-groups ${line}`);
  }

  type(hint: string, printed: string, values: Readonly<Record<string, string>> = {}): Promise<ProcessResult> {
    return this.run(this.#lab.commandOf(hint, printed, values));
  }

  async expectTyped(
    hint: string,
    printed: string,
    values: Readonly<Record<string, string>> = {},
  ): Promise<ProcessResult> {
    const result = await this.type(hint, printed, values);
    assert.equal(result.code, 0, result.stderr);
    return result;
  }

  write(path: string, text: string): void {
    writeFileSync(this.#lab.path('machine', path), text);
  }

  read(path: string): string {
    return readFileSync(this.#lab.path('machine', path), 'utf8');
  }

  writeConfig(lab: HintLab, text = ''): void {
    mkdirSync(lab.path('machine/etc/iam-tokend'), { recursive: true });
    this.write(
      systemPaths.configFile,
      `${text}\nstore: memory\niam: { endpoint: "${lab.testEnv.emulator.url}" }\n`,
    );
  }
}

const installForAll =
  'current-service.ts: for your own user, without sudo: iam-token install\nfor all users: iam-token install --system';

export const machineScenarios: readonly HintScenario[] = [
  {
    title: 'root installs the daemon for all users, and finds the way back from mistakes',
    hints: [
      installForAll,
      'current-service.ts: sudo iam-token ${} --system',
      'install.ts: correct ${}, then run: iam-token install${}',
      'install.ts: usermod --append --groups iam-tokend NAME',
      'require-service-socket.ts: without --socket: iam-token install${}',
      'require-service-socket.ts: unset IAM_TOKEND_SOCKET',
      'explain-unreachable.ts: sudo iam-token install --system',
      'explain-unreachable.ts: sudo systemctl restart iam-tokend.socket',
      'service-manager.ts: sudo iam-token install --system',
    ],
    isPossible,
    async run(lab) {
      const machine = new Machine(lab, true);
      const expectInstalled = ({ code, stdout, stderr }: ProcessResult): void => {
        assert.equal(code, 0, stderr);
        assert.match(stdout, /^iam-tokend is running as iam-tokend\.service/);
      };
      const own = await machine.run('iam-token install');
      assert.match(lab.commandOf(installForAll.split('\n')[0] ?? '', own.stderr), /^iam-token install$/);
      const forAll = own.stderr.replace(/hint: for your own.*\n/, '');
      const install = await machine.type('current-service.ts: for all users: iam-token install', forAll);
      expectInstalled(install);
      await machine.expectTyped('install.ts: usermod --append --groups iam-tokend NAME', install.stderr, {
        NAME: 'root',
      });
      assert.match(machine.read('etc/group'), /^iam-tokend:.*:root$/m);

      const byUser = await machine.runAsOtherUser('iam-token install --system');
      expectInstalled(await machine.type('current-service.ts: sudo iam-token ${} --system', byUser.stderr));
      const other = await machine.run('iam-token install --system --socket /run/other.sock');
      const withoutSocket = 'require-service-socket.ts: without --socket: iam-token install${}';
      expectInstalled(await machine.type(withoutSocket, other.stderr));
      const variable = await machine.run('iam-token install --system', { IAM_TOKEND_SOCKET: '/run/x.sock' });
      const unset = lab.commandOf('require-service-socket.ts: unset IAM_TOKEND_SOCKET', variable.stderr);
      const withoutVariable = await machine.run(`${unset}; iam-token install --system`, {
        IAM_TOKEND_SOCKET: '/run/x.sock',
      });
      assert.doesNotMatch(withoutVariable.stderr, /does not inherit/);

      machine.writeConfig(lab, 'log: { level: loud }');
      const invalid = await machine.run('iam-token install --system');
      machine.writeConfig(lab);
      expectInstalled(
        await machine.type('install.ts: correct ${}, then run: iam-token install${}', invalid.stderr),
      );
      const call = `iam-token status --socket ${systemPaths.socket}`;
      const lost = await machine.run(call);
      const restart = 'explain-unreachable.ts: sudo systemctl restart iam-tokend.socket';
      await machine.expectTyped(restart, lost.stderr);
      assert.equal(lab.listCalls().at(-1), 'systemctl restart iam-tokend.socket');
      await machine.run('rm /etc/systemd/system/iam-tokend.socket');
      const missing = await machine.run(call);
      expectInstalled(
        await machine.type('explain-unreachable.ts: sudo iam-token install --system', missing.stderr),
      );
      mkdirSync(lab.path('machine/run/iam-tokend'), { mode: 0o700 });
      const old = await ScriptedDaemon.start(
        respondWith(createStatusResult({}, { version: '0.0.1' })),
        lab.path('machine/run/iam-tokend/ipc.sock'),
      );
      const outdated = await machine.run(call);
      await old.close();
      expectInstalled(
        await machine.type('service-manager.ts: sudo iam-token install --system', outdated.stderr),
      );
    },
  },
  {
    title: 'root starts the daemon for all users without systemd, and removes it',
    hints: [
      'current-service.ts: iam-tokend --config ${} &',
      'prepare-socket.ts: install -d -m 0750 -g iam-tokend ${}',
      'install.ts: iam-token login --socket ${} --service-account-key FILE',
      'explain-unreachable.ts: iam-token --socket ${}',
    ],
    isPossible,
    async run(lab) {
      const machine = new Machine(lab, false);
      // Each line has mounts of its own, as a container has.
      machine.writeConfig(lab, 'peers: { containers: full }');
      await machine.run('systemd-sysusers');
      const { stderr } = await machine.run('iam-token install --system');
      const start = lab.commandOf('current-service.ts: iam-tokend --config ${} &', stderr);
      const failure = await machine.run(`${start} wait $!`);
      assert.equal(failure.code, 1);
      const folder = 'prepare-socket.ts: install -d -m 0750 -g iam-tokend ${}';
      await machine.expectTyped(folder, failure.stderr);
      await machine.run(start);
      await waitUntil(
        async () => (await machine.run(`iam-token status --socket ${systemPaths.socket}`)).code === 0,
        'the daemon for all users listens',
      );
      lab.testEnv.emulator.allowKey(getTestKey(2048));
      writeFileSync(lab.path('key.json'), formatKeyFile(getTestKey(2048)), { mode: 0o600 });
      mkdirSync(lab.path('machine/run/systemd/system'), { recursive: true });
      const installed = await machine.run('iam-token install --system');
      const login = 'install.ts: iam-token login --socket ${} --service-account-key FILE';
      await machine.expectTyped(login, installed.stderr, { FILE: 'key.json' });
      delete lab.shellEnv['XDG_RUNTIME_DIR'];
      const unnamed = await machine.run('iam-token');
      const named = await machine.expectTyped(
        'explain-unreachable.ts: iam-token --socket ${}',
        unnamed.stderr,
      );
      assert.match(named.stdout, /^t1\./);
      assert.equal((await machine.run(`iam-token stop --socket ${systemPaths.socket}`)).code, 0);
    },
  },
  {
    title: 'root installs from a home folder, and keeps a key file when it purges',
    hints: [
      "install.ts: with the system's Node: npm install --global iam-tokend",
      'install.ts: if you remove this version of Node, run: iam-token install${}',
      'uninstall.ts: rm ${}',
      'require-service-socket.ts: without a service: iam-tokend --socket ${}',
    ],
    isPossible,
    async run(lab) {
      const machine = new Machine(lab, true);
      const checkout = new URL('../../../..', import.meta.url).pathname;
      const mounted = `mkdir -p /root/package && mount --bind '${checkout}' /root/package`;
      const client = `'${process.execPath}' /root/package/dist/bin/iam-token.js`;
      const { stderr } = await machine.run(`${mounted} && ${client} install --system`);
      await machine.expectTyped(
        "install.ts: with the system's Node: npm install --global iam-tokend",
        stderr,
      );
      assert.equal(lab.listCalls().at(-1), 'npm install --global iam-tokend');

      const managed = '/var/lib/.nvm/versions/node/v20.19.0/lib';
      const mountedThere = `mkdir -p ${managed} && mount --bind '${checkout}' ${managed}`;
      const inManager = await machine.run(
        `${mountedThere} && '${process.execPath}' ${managed}/dist/bin/iam-token.js install --system`,
      );
      assert.ok(machine.read('etc/systemd/system/iam-tokend.service').includes(managed));
      await machine.expectTyped(
        'install.ts: if you remove this version of Node, run: iam-token install${}',
        inManager.stderr,
      );
      assert.ok(!machine.read('etc/systemd/system/iam-tokend.service').includes(managed));

      mkdirSync(lab.path('own'), { mode: 0o700 });
      const other = await machine.run('iam-token install --system --socket "$PWD/own/ipc.sock"');
      const byHand = lab.commandOf(
        'require-service-socket.ts: without a service: iam-tokend --socket ${}',
        other.stderr,
      );
      await lab.run(`${byHand} --store memory &`);
      await lab.untilListening(`--socket '${lab.path('own/ipc.sock')}'`);
      assert.equal((await lab.run('iam-token stop --socket "$PWD/own/ipc.sock"')).code, 0);

      machine.writeConfig(lab, 'file: { key-file: /etc/own.key }');
      machine.write('etc/own.key', 'x'.repeat(32));
      const purge = await machine.run('iam-token uninstall --system --purge');
      assert.equal(purge.code, 0, purge.stderr);
      await machine.expectTyped('uninstall.ts: rm ${}', purge.stderr);
      assert.ok(!existsSync(lab.path('machine/etc/own.key')));
    },
  },
  {
    title: 'the reason why the daemon for all users does not start is in the journal',
    hints: ['answer-start-failure.ts: sudo journalctl --unit iam-tokend.service --lines 20'],
    isPossible: isPossible && isInstalled('systemd-socket-activate'),
    async run(lab) {
      const machine = new Machine(lab, true);
      machine.writeConfig(lab, 'log: { level: loud }');
      const activate = `systemd-socket-activate --listen=${systemPaths.socket} iam-tokend --config ${systemPaths.configFile}`;
      const client = `until [ -S ${systemPaths.socket} ]; do sleep 0.05; done; iam-token --socket ${systemPaths.socket}`;
      const { stderr } = await machine.run(
        `mkdir -m 0750 /run/iam-tokend; ${activate} 2>/dev/null & { ${client}; }; kill $!`,
      );
      const hint = 'answer-start-failure.ts: sudo journalctl --unit iam-tokend.service --lines 20';
      await machine.expectTyped(hint, stderr);
      assert.equal(lab.listCalls().at(-1), 'journalctl --unit iam-tokend.service --lines 20');
    },
  },
];
