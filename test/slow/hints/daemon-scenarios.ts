import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { failWith, ScriptedDaemon } from '../../support/daemon/scripted-daemon.ts';
import { oauthToken } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { HintLab } from './hint-lab.ts';
import type { HintScenario } from './hint-scenario.ts';

const logIn = (lab: HintLab, ...args: readonly string[]) =>
  lab.testEnv.iamToken(['login', '--stdin', ...args], oauthToken);
const isRoot = process.getuid?.() === 0;

const mistypedLines = {
  'iam-token statsu': 'usage-errors.ts: iam-token ${}',
  'iam-token xyzzy': 'usage-errors.ts: iam-token --help',
  'iam-token status --jsno': 'usage-errors.ts: ${} --help',
  'iam-token use': 'usage-errors.ts: iam-token profiles',
} as const;

export const daemonScenarios: readonly HintScenario[] = [
  {
    title: 'a daemon is started by hand',
    hints: ['service-manager.ts: iam-tokend &', 'dial.ts: iam-tokend --socket ${} &'],
    isPossible: isRoot,
    async run(lab) {
      lab.shellEnv['IAM_TOKEND_STORE'] = 'memory';
      const { stderr, code } = await lab.run('iam-token');
      assert.equal(code, 3);
      await lab.type('service-manager.ts: iam-tokend &', stderr);
      await lab.untilListening();
      assert.equal((await lab.run('iam-token stop')).code, 0);
      mkdirSync(lab.path('iam-tokend'), { mode: 0o700 });
      const explicit = await lab.run('iam-token --socket "$PWD/iam-tokend/ipc.sock"');
      await lab.type('dial.ts: iam-tokend --socket ${} &', explicit.stderr);
      await lab.untilListening(`--socket '${lab.path('iam-tokend/ipc.sock')}'`);
      assert.equal((await lab.run('iam-token stop --socket "$PWD/iam-tokend/ipc.sock"')).code, 0);
    },
  },
  {
    title: 'a second daemon, and a program at its socket, name the one that runs',
    hints: ['already-running-error.ts: iam-token status --socket ${}'],
    async run(lab) {
      const pid = await lab.testEnv.startDaemon();
      const { stderr, code } = await lab.run('iam-tokend');
      assert.equal(code, 1, stderr);
      const hint = 'already-running-error.ts: iam-token status --socket ${}';
      assert.match((await lab.type(hint, stderr)).stdout, new RegExp(`process ${pid}`));
    },
  },
  {
    title: 'another program at the path of the socket is examined',
    hints: ['prepare-socket.ts: iam-token status --socket ${}'],
    async run(lab) {
      mkdirSync(dirname(lab.testEnv.socketPath), { mode: 0o700 });
      const server = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 200\r\n\f')).listen(
        lab.testEnv.socketPath,
      );
      await once(server, 'listening');
      const { stderr } = await lab.run('iam-tokend');
      const typed = await lab.type('prepare-socket.ts: iam-token status --socket ${}', stderr);
      assert.match(typed.stderr, /does not speak the protocol|closed the connection/);
      server.close();
    },
  },
  {
    title: 'a daemon whose socket was removed listens again, and is found by another socket',
    hints: ['find-daemon.ts: wait 30 s until it listens again, or: kill -HUP ${}'],
    async run(lab) {
      await lab.testEnv.startDaemon();
      unlinkSync(lab.testEnv.socketPath);
      const { stderr } = await lab.run('iam-token status');
      const hint = 'find-daemon.ts: wait 30 s until it listens again, or: kill -HUP ${}';
      assert.equal((await lab.type(hint, stderr)).code, 0);
      await lab.untilListening();
    },
  },
  {
    title: 'a daemon at another socket is found',
    hints: ['find-daemon.ts: iam-token status --socket ${}'],
    async run(lab) {
      mkdirSync(lab.path('iam-tokend'), { mode: 0o700 });
      await lab.testEnv.startDaemon(['--socket', lab.path('iam-tokend/ipc.sock')]);
      const { stderr } = await lab.run(`iam-token status --socket '${lab.path('run/none.sock')}'`);
      const typed = await lab.type('find-daemon.ts: iam-token status --socket ${}', stderr);
      assert.equal(typed.code, 0, typed.stderr);
    },
  },
  {
    title: 'a daemon that does not answer is examined, and ended',
    hints: ['connection.ts: iam-token doctor', 'stop-daemon.ts: kill -KILL ${}'],
    async run(lab) {
      const pid = await lab.testEnv.startDaemon();
      process.kill(pid, 'SIGSTOP');
      const { stderr } = await lab.run('iam-token status --timeout 1s');
      const doctor = await lab.type('connection.ts: iam-token doctor', stderr);
      assert.match(doctor.stdout, /^failed +daemon/m);
      unlinkSync(lab.testEnv.socketPath);
      const stopped = await lab.run('iam-token stop --timeout 1s');
      assert.equal((await lab.type('stop-daemon.ts: kill -KILL ${}', stopped.stderr)).code, 0);
      await lab.testEnv.stopDaemon();
      assert.throws(() => process.kill(pid, 0));
    },
  },
  {
    title: 'a locked daemon is unlocked',
    hints: ['daemon-lock.ts: {unlock}', 'unlock-store.ts: iam-token unlock', 'lock.ts: iam-token unlock'],
    async run(lab) {
      await lab.testEnv.startDaemon();
      const locked = (await lab.run('iam-token lock')).stdout.replace('to unlock:', 'hint:');
      assert.equal((await lab.type('lock.ts: iam-token unlock', locked)).code, 0);
      await lab.run('iam-token lock');
      const login = await logIn(lab);
      const token = await lab.run('iam-token');
      assert.equal((await lab.type('unlock-store.ts: iam-token unlock', login.stderr)).code, 0);
      await lab.run('iam-token lock');
      assert.equal((await lab.type('daemon-lock.ts: {unlock}', token.stderr)).code, 0);
      assert.equal((await logIn(lab)).code, 0);
    },
  },
  {
    title: 'a restart reads a profile list that another program has changed',
    hints: ['service-manager.ts: iam-token stop; iam-tokend &'],
    isPossible: isRoot,
    async run(lab) {
      lab.shellEnv['IAM_TOKEND_STORE'] = 'memory';
      await lab.testEnv.startDaemon();
      await logIn(lab);
      const list = lab.path('config/iam-tokend/profiles.json');
      writeFileSync(list, `${readFileSync(list, 'utf8')}\n`);
      const { stderr } = await logIn(lab, '--profile', 'more');
      await lab.type('service-manager.ts: iam-token stop; iam-tokend &', stderr);
      await lab.untilListening();
      assert.equal((await logIn(lab, '--profile', 'more')).code, 0);
      assert.equal((await lab.run('iam-token stop')).code, 0);
    },
  },
  {
    title: 'a token of a short life is accepted',
    hints: ['selectors.ts: use a shorter --min-ttl'],
    async run(lab) {
      await lab.testEnv.startDaemon();
      lab.testEnv.emulator.lifetimeMs = 600_000;
      await logIn(lab);
      const { stderr } = await lab.run('iam-token --min-ttl 1h');
      lab.commandOf('selectors.ts: use a shorter --min-ttl', stderr);
      assert.equal((await lab.run('iam-token --min-ttl 5m')).code, 0);
    },
  },
  {
    title: 'a mistyped command line is corrected',
    hints: Object.values(mistypedLines),
    async run(lab) {
      await lab.testEnv.startDaemon();
      await logIn(lab, '--profile', 'work');
      for (const [line, hint] of Object.entries(mistypedLines))
        assert.equal((await lab.type(hint, (await lab.run(line)).stderr)).code, 0, line);
      const operand = await lab.run('iam-token logout work');
      const typed = await lab.type('usage-errors.ts: ${} --profile', operand.stderr);
      assert.equal(typed.code, 0, typed.stderr);
      assert.match(typed.stdout, /logged out of work/);
    },
  },
  {
    title: 'a docker registry that is not served is found out about',
    hints: [
      'docker-credential.ts: iam-token docker-credential list',
      'docker-credential.ts: iam-token docker-credential list\nin ~/.docker/config.json, name iam-token under credHelpers for these, not as credsStore',
    ],
    async run(lab) {
      await lab.testEnv.startDaemon();
      await logIn(lab);
      const { stderr } = await lab.run(
        `printf '{"ServerURL":"docker.io","Username":"me","Secret":"x"}' | iam-token docker-credential store`,
      );
      const hint = 'docker-credential.ts: iam-token docker-credential list';
      assert.match((await lab.type(hint, stderr)).stdout, /cr\.yandex/);
    },
  },
  {
    title: 'an older daemon and an unreadable response are named',
    hints: [
      'connection.ts: daemon and client are of different releases: iam-token stop, then restart iam-tokend',
    ],
    async run(lab) {
      mkdirSync(dirname(lab.testEnv.socketPath), { mode: 0o700 });
      const problem = {
        code: 'unsupported_version',
        message: 'protocol version 1 is not supported',
      } as const;
      const daemon = await ScriptedDaemon.start(failWith(problem), lab.testEnv.socketPath);
      const { stderr } = await lab.run('iam-token');
      const hint =
        'connection.ts: daemon and client are of different releases: iam-token stop, then restart iam-tokend';
      assert.ok(lab.commandOf(hint, stderr).startsWith('iam-token stop'));
      await daemon.close();
    },
  },
];

const keychain = 'keychain-problems.ts';
const container = 'request-handler.ts';

export const containerAndKeychainScenarios: readonly HintScenario[] = [
  {
    title: 'without a keychain, the daemon is started with another store',
    hints: [
      `${keychain}: start iam-tokend from a desktop session`,
      `${keychain}: or use an encrypted file (for the service, with "store: file" in config.yaml): iam-tokend --store file`,
      `${keychain}: or keep credentials only in memory: iam-tokend --store memory`,
    ],
    async run(lab) {
      await lab.testEnv.startDaemon(['--store', 'keychain'], {
        DBUS_SESSION_BUS_ADDRESS: `unix:path=${lab.path('none')}`,
      });
      const { stderr, code } = await logIn(lab);
      assert.equal(code, 6, stderr);
      lab.commandOf(`${keychain}: start iam-tokend from a desktop session`, stderr);
      for (const store of ['file', 'memory']) {
        await lab.run('iam-token stop');
        const hint = `${keychain}: or ${store === 'file' ? 'use an' : 'keep'}`;
        await lab.run(`${lab.commandOf(hint, stderr)} &`);
        await lab.untilListening();
        assert.match((await lab.run('iam-token status')).stdout, new RegExp(`store +${store}`));
      }
      await lab.run('iam-token stop');
    },
  },
  {
    title: 'a command that a container may not call is run on the host, or allowed',
    hints: [
      `${container}: {\${} | \${} | \${}}`,
      `${container}: \${}: \${} iam-token \${}`,
      `${container}: or allow it to all containers, in config.yaml: peers: { containers: full }`,
      'method-handlers.ts: {run it on the host, such as | flatpak-spawn --host | login}',
      'daemon-checks.ts: run other commands on the host, such as: flatpak-spawn --host iam-token refresh',
    ],
    isPossible: isRoot,
    async run(lab) {
      await lab.testEnv.startDaemon();
      await logIn(lab, '--profile', 'work');
      lab.writeProgram('flatpak-spawn', 'shift; exec "$@"');
      const inContainer = (line: string) => lab.run(`unshare --mount ${line}`);
      const refresh = await inContainer('iam-token refresh --profile work');
      assert.equal((await lab.type(`${container}: {\${} | \${} | \${}}`, refresh.stderr)).code, 0);
      const { stdout: findings } = await inContainer('iam-token doctor');
      const anyCommand =
        'daemon-checks.ts: run other commands on the host, such as: flatpak-spawn --host iam-token refresh';
      assert.equal((await lab.type(anyCommand, findings)).code, 0);
      const use = await inContainer('iam-token use work');
      const typed = await lab.type(`${container}: \${}: \${} iam-token \${}`, use.stderr, { NAME: 'work' });
      assert.equal(typed.code, 0, typed.stderr);
      const setting = lab.findHint(`${container}: or allow it to all containers`, use.stderr);
      writeFileSync(
        lab.path('config/iam-tokend/config.yaml'),
        `${setting.replace(/^.*config.yaml: /, '')}\n`,
      );
      await lab.run('iam-token stop');
      await lab.testEnv.stopDaemon();
      await lab.testEnv.startDaemon();
      await logIn(lab, '--profile', 'work');
      assert.equal((await inContainer('iam-token use work')).code, 0);
      const url = await lab.run(
        `unshare --mount iam-token login --endpoint https://iam.example.net --stdin <<< '${oauthToken}'`,
      );
      const hint = 'method-handlers.ts: {run it on the host, such as | flatpak-spawn --host | login}';
      const host = await lab.run(`${lab.commandOf(hint, url.stderr)} --stdin <<< '${oauthToken}'`);
      assert.equal(host.code, 0, host.stderr);
    },
  },
];

/** A program listens at the metadata address: its own user's, or that of another. */
export const metadataScenario: HintScenario = {
  title: 'the program at the metadata address is shown, by status and by doctor',
  hints: [
    "listening-user.ts: ${}ss -Hltnp 'sport = :${}'",
    'retry-listening.ts: or choose another port in config.yaml: ${}',
  ],
  async run(lab) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    writeFileSync(lab.path('config/iam-tokend/config.yaml'), `metadata: { listen: "127.0.0.1:${port}" }\n`);
    await lab.testEnv.startDaemon();
    const { stdout } = await lab.run('iam-token doctor');
    assert.match(stdout, /^failed +metadata/m);
    const shown = await lab.type("listening-user.ts: ${}ss -Hltnp 'sport = :${}'", stdout);
    assert.match(shown.stdout, new RegExp(`:${port} .*pid=${process.pid}`));
    lab.commandOf('retry-listening.ts: or choose another port in config.yaml: ${}', stdout);
    server.close();
    await waitUntil(async () => (await lab.run('iam-token status')).code === 0, 'the daemon runs');
  },
};
