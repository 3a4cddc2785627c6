import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { completePath, expandHome } from '../../../../src/cli/terminal/prompt-line.ts';
import { type Emulator, startEmulator } from '../../../emulator/emulator.ts';
import { respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { createFakeYc } from '../../../support/iam/fake-yc.ts';
import { formatKeyFile, getTestKey } from '../../../support/iam/test-keys.ts';
import { closeServer, listenOnLoopback } from '../../../support/network/loopback.ts';
import { runInTerminal, type TerminalStep } from '../../../support/processes/pseudo-terminal.ts';
import { clientBundle, runCli } from '../../../support/processes/run-cli.ts';
import { useTemporaryFolder } from '../../../support/temporary-folder.ts';
import { createRealClock } from '../../../support/time/real-clock.ts';
import { version } from '../../../../src/shared/version.ts';

const hello = { version, protocol: 1 };
const login = { profile: 'default', subject: 'aje0ada', expiresAt: '2026-11-24T22:04:05.000Z' };
const status = {
  daemon: {
    version,
    pid: 42,
    startedAt: '2026-11-24T08:00:00.000Z',
    store: { kind: 'keychain', state: 'open', problem: null },
  },
  profiles: [],
  next: null,
};
const menuOf = (...kinds: readonly string[]): string =>
  `Which credential should the daemon use?\r\n\r\n${kinds.map((kind, index) => `  ${index + 1}. ${kind}\r\n`).join('')}\r\n`;
const keyFile = 'authorized key of a service account, in a file';
const workload = 'workload identity: an OIDC token in a file, of Kubernetes or a CI system';
const oauth = 'OAuth token (until June 2027 at the latest; new ones are refused since 1 June 2026)';

describe('iam-token login without a kind', () => {
  const folder = useTemporaryFolder();
  let daemon: ScriptedDaemon;
  let emulator: Emulator;
  let env: Record<string, string>;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({ hello, status, login }));
    emulator = await startEmulator({ clock: createRealClock() });
    emulator.attachServiceAccount(null);
    env = { HOME: folder(), PATH: '/usr/bin:/bin', IAM_TOKEND_IAM_ENDPOINT: emulator.url };
  });
  afterEach(async () => {
    await emulator.close();
    await daemon.close();
  });

  const run = (steps: readonly TerminalStep[], args: readonly string[] = []) => {
    const program = ['sh', '-c', `cd '${folder()}' && exec "$@"`, 'sh', process.execPath];
    return runInTerminal(['login', ...args], steps, {
      socket: daemon.socketPath,
      env,
      program: [...program, clientBundle],
    });
  };
  const loginParams = (): unknown => daemon.requests.find(({ method }) => method === 'login')?.params;
  const enter = { expect: ']: ', type: ['\r'] };

  it('18.1: proposes yc first, and takes it with Enter alone', async () => {
    mkdirSync(join(folder(), 'yandex-cloud/bin'), { recursive: true });
    const { path } = createFakeYc(join(folder(), 'yandex-cloud/bin'));
    const { screen, code } = await run([enter]);
    assert.ok(screen.startsWith(menuOf(`yc: its current login (${path})`, keyFile, workload, oauth)), screen);
    assert.equal(code, 0);
    assert.deepEqual(loginParams(), { kind: 'yc', settings: { path } });
  });

  it('18.1: proposes the account of the VM next, and takes it with Enter alone', async () => {
    emulator.attachServiceAccount('ajevm00000000000001');
    const { screen, code } = await run([enter]);
    assert.ok(screen.startsWith(menuOf('service account of this VM', keyFile, workload, oauth)), screen);
    assert.equal(code, 0);
    assert.deepEqual(loginParams(), { kind: 'metadata' });
    assert.ok(!screen.includes('t1.'));
  });

  it('18.1: finds the key file in this folder, and takes it with Enter alone', async () => {
    const text = formatKeyFile(getTestKey(2048));
    writeFileSync(join(folder(), 'key.json'), text, { mode: 0o600 });
    const { screen, code } = await run([enter, { expect: 'Key file [key.json]: ', type: ['\r'] }]);
    assert.equal(code, 0, screen);
    assert.deepEqual(loginParams(), { kind: 'service-account-key', secret: text });
  });

  it('18.1: completes the path of a file at Tab, and asks again for one that does not exist', async () => {
    mkdirSync(join(folder(), 'my keys'));
    writeFileSync(join(folder(), 'my keys/robot.json'), '{}', { mode: 0o600 });
    const { screen, code } = await run([
      { expect: ']: ', type: ['1\r'] },
      { expect: 'Key file: ', type: ['nothing\r'] },
      { expect: 'no such file: nothing', type: ['my\t', 'ro\t', '\r'] },
    ]);
    assert.equal(code, 0, screen);
    assert.deepEqual(loginParams(), { kind: 'service-account-key', secret: '{}' });
  });

  it('18.1: asks a workload identity for its account and its file', async () => {
    writeFileSync(join(folder(), 'oidc'), 'x', { mode: 0o600 });
    const { screen, code } = await run([
      { expect: ']: ', type: ['2\r'] },
      { expect: 'ID of the service account: ', type: ['aje/1\r'] },
      { expect: 'aje/1', type: ['ajeci000000000000001\r'] },
      { expect: 'File with the OIDC token: ', type: ['~/oidc\r'] },
    ]);
    assert.equal(code, 0, screen);
    const settings = { serviceAccountId: 'ajeci000000000000001', tokenFile: join(folder(), 'oidc') };
    assert.deepEqual(loginParams(), { kind: 'workload-identity', settings });
  });

  it('18.1: reads an OAuth token without echo, and asks again after another number', async () => {
    const { screen, code, echo } = await run([
      { expect: 'Choose 1 to 3 [1]: ', type: ['7\r'] },
      { expect: 'type a number from 1 to 3: 7', type: ['3\r'] },
      { expect: 'OAuth token (not shown): ', type: ['y0_AgAAAABcanary', '\r'] },
    ]);
    assert.equal(code, 0, screen);
    assert.equal(echo.at(-1), true);
    assert.ok(!screen.includes('canary'));
    assert.deepEqual(loginParams(), { kind: 'oauth', secret: 'y0_AgAAAABcanary' });
  });

  it('18.1: leaves nothing behind on Ctrl-C and Ctrl-D, at each question', async () => {
    for (const key of ['\x03', '\x04']) {
      for (const steps of [
        [{ expect: ']: ', type: [key] }],
        [
          { expect: ']: ', type: ['1\r'] },
          { expect: 'Key file: ', type: ['abc', '\x15', key] },
        ],
      ]) {
        const { code, echo } = await run(steps);
        assert.deepEqual([code, echo.at(-1)], [130, true]);
      }
    }
    assert.equal(loginParams(), undefined);
  });

  it('18.1: waits at most 300 ms for a metadata service', async () => {
    const silent = createServer(() => {});
    env['IAM_TOKEND_IAM_ENDPOINT'] = `http://127.0.0.1:${await listenOnLoopback(silent)}`;
    const { screen } = await run([{ expect: ']: ', type: ['\x03'] }]);
    assert.ok(screen.startsWith(menuOf(keyFile, workload, oauth)), screen);
    await closeServer(silent);
  });

  it('18.1: does not ask with a kind, and keeps the other options', async () => {
    const { screen, code } = await run(
      [enter, { expect: 'Key file: ', type: ['\x03'] }],
      ['--profile', 'work'],
    );
    assert.equal(code, 130, screen);
    const typed = await run([], ['--metadata', '--profile', 'work']);
    assert.doesNotMatch(typed.screen, /Which credential/);
    assert.deepEqual(loginParams(), { profile: 'work', kind: 'metadata' });
  });

  it('18.1: without a terminal, lists the kinds in a usage error; --stdin alone means --oauth', async () => {
    const { stdout, stderr, code } = await runCli(['login', '--profile', 'work'], {
      socket: daemon.socketPath,
      env,
    });
    assert.deepEqual([stdout, code], ['', 2]);
    for (const kind of [
      '--yc',
      '--service-account-key FILE',
      '--metadata',
      '--workload-identity SA_ID',
      '--oauth',
    ])
      assert.ok(stderr.includes(kind), stderr);
    assert.match(stderr, /hint: iam-token login --profile work --service-account-key FILE\n$/);
    assert.equal(daemon.connectionCount, 0);
    await runCli(['login', '--stdin'], { socket: daemon.socketPath, env, stdin: 'y0_x' });
    assert.deepEqual(loginParams(), { kind: 'oauth', secret: 'y0_x' });
  });

  it('18.1: completes names in any folder, but none with control characters', () => {
    for (const name of ['a b.json', 'a\nc.json', '.hidden', 'dir']) {
      if (name === 'dir') mkdirSync(join(folder(), name));
      else writeFileSync(join(folder(), name), '');
    }
    assert.deepEqual(completePath(`${folder()}/`, ''), [`${folder()}/a b.json`, `${folder()}/dir/`]);
    assert.deepEqual(completePath('~/.h', folder()), ['~/.hidden']);
    assert.deepEqual(completePath('/nowhere/x', ''), []);
    assert.equal(expandHome('~/a', '/home/me'), '/home/me/a');
    assert.equal(expandHome('a~', '/home/me'), 'a~');
  });
});
