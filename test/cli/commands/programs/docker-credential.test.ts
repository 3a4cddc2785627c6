import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failWith, respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import {
  createTokenResult,
  loginRequired,
  loginRequiredOutput,
} from '../../../support/daemon/scripted-results.ts';
import { runCli } from '../../../support/processes/run-cli.ts';
import { useTemporaryFolder } from '../../../support/temporary-folder.ts';

const token = createTokenResult(12 * 60 * 60_000);

describe('iam-token docker-credential', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({ token }));
  });
  afterEach(() => daemon.close());

  const runDocker = (action: string, stdin: string | Buffer = '', ...args: readonly string[]) =>
    runCli(['docker-credential', action, ...args], { socket: daemon.socketPath, stdin });

  for (const registry of [
    'cr.yandex',
    'cr.cloud.yandex.net\n',
    'container-registry.cloud.yandex.net',
    'https://cr.yandexcloud.kz',
    'https://cr.yandex/v1/',
    'registry.yandexcloud.net',
    'https://registry.pe.yandexcloud.net/v2/',
    'CR.yandex',
    'cr.yandex:443',
    'cr.yandex.',
    'HTTPS://cr.yandex:443/v2/',
  ]) {
    it(`B1: returns a token for ${JSON.stringify(registry)}`, async () => {
      const { stdout, stderr, code } = await runDocker('get', registry, '--profile', 'work');
      assert.deepEqual([stderr, code], ['', 0]);
      assert.deepEqual(JSON.parse(stdout), {
        ServerURL: registry.trim(),
        Username: 'iam',
        Secret: token.token,
      });
      assert.deepEqual(daemon.requests[0]?.params, { profile: 'work' });
    });
  }

  for (const [what, registry] of [
    ['another registry', 'index.docker.io'],
    ['a name that resembles a known registry', 'cr.yandex.example.com'],
    ['a known registry as a user name', 'https://cr.yandex@example.com/'],
    ['a registry without TLS', 'http://cr.yandex'],
    ['another port of a known registry', 'cr.yandex:5000'],
    ['nothing', ''],
    ['control characters', 'cr.yandex\x1b[2J\x00'],
    ['two lines', 'cr.yandex\nexample.com'],
    ['10 KB', 'cr.yandex'.padEnd(10_240, '/x')],
    ['a megabyte', 'x'.repeat(1_048_576)],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0x00, 0x80])],
  ] as const) {
    it(`returns docker's own "not found" for ${what}, without calling the daemon`, async () => {
      const { stdout, stderr, code } = await runDocker('get', registry);
      assert.deepEqual([stdout, code], ['credentials not found in native keychain\n', 1]);
      assert.match(stderr, /^iam-token: not a registry that takes an IAM token: "/);
      assert.equal(daemon.connectionCount, 0);
    });
  }

  for (const [action, stdin] of [
    ['store', '{"ServerURL":"cr.yandex","Username":"iam","Secret":"t1.x"}'],
    ['store', '{"ServerURL":"https://cr.yandexcloud.kz/v2/","Username":"iam","Secret":"t1.x"}'],
    ['erase', 'cr.yandex'],
    ['erase', 'index.docker.io'],
  ] as const) {
    it(`does nothing for ${action} ${stdin}, with a note`, async () => {
      const { stdout, stderr, code } = await runDocker(action, stdin);
      assert.deepEqual([stdout, code], ['', 0]);
      assert.match(stderr, new RegExp(`^iam-token: nothing to ${action}: [^\\n]+\\n$`));
    });
  }

  for (const [registry, host] of [
    ['index.docker.io', 'index.docker.io'],
    ['https://index.docker.io/v1/', 'index.docker.io'],
    ['cr.yandex.example.com', 'cr.yandex.example.com'],
    ['https://cr.yandex@example.com/', 'the server'],
    ['http://cr.yandex', 'the server'],
    ['cr.yandex:5000', 'cr.yandex:5000'],
    ['\u001b[2J', 'the server'],
    ['', 'the server'],
  ] as const) {
    it(`A8: fails to store the password of ${JSON.stringify(registry)}, and says so to docker`, async () => {
      const credential = { ServerURL: registry, Username: 'me', Secret: 'canary' };
      const { stdout, stderr, code } = await runDocker('store', JSON.stringify(credential));
      const message = `the password is not stored: ${host} does not take an IAM token`;
      assert.deepEqual([stdout, code], [`${message}\n`, 1]);
      assert.ok(stderr.startsWith(`iam-token: error: ${message}\niam-token: hint: `), stderr);
      assert.equal(daemon.connectionCount, 0);
    });
  }

  for (const stdin of [
    '',
    'canary',
    'null',
    '{}',
    '{"ServerURL":1}',
    `{"ServerURL":"${'x'.repeat(70_000)}"}`,
  ]) {
    it(`A8: fails to store ${stdin.slice(0, 20) || 'nothing'} without quoting it`, async () => {
      const { stdout, stderr, code } = await runDocker('store', stdin);
      assert.deepEqual([stdout, code], ['the input is not a docker credential\n', 1]);
      assert.equal(stderr, 'iam-token: error: the input is not a docker credential\n');
    });
  }

  it('lists the registries', async () => {
    const { stdout, code } = await runDocker('list');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), {
      'registry.yandexcloud.net': 'iam',
      'registry.pe.yandexcloud.net': 'iam',
      'cr.yandex': 'iam',
      'cr.cloud.yandex.net': 'iam',
      'container-registry.cloud.yandex.net': 'iam',
      'cr.yandexcloud.kz': 'iam',
    });
  });

  describe('with registries of the user', () => {
    const folder = useTemporaryFolder();
    const runConfigured = async (yaml: string, action: string, stdin = '') => {
      mkdirSync(join(folder(), 'iam-tokend'), { recursive: true });
      writeFileSync(join(folder(), 'iam-tokend/config.yaml'), yaml);
      const env = { XDG_CONFIG_HOME: folder() };
      return runCli(['docker-credential', action], { socket: daemon.socketPath, stdin, env });
    };
    const yaml = 'store: memory\nregistries: [Registry.example.com, "https://mirror.example.com:5000/"]\n';

    it('B1: returns a token for each, and lists them', async () => {
      for (const registry of ['registry.example.com', 'mirror.example.com:5000']) {
        const { stdout } = await runConfigured(yaml, 'get', registry);
        assert.deepEqual(JSON.parse(stdout), { ServerURL: registry, Username: 'iam', Secret: token.token });
        const { stdout: list } = await runConfigured(yaml, 'list');
        assert.equal((JSON.parse(list) as Record<string, string>)[registry], 'iam');
      }
      assert.equal((await runConfigured(yaml, 'get', 'mirror.example.com')).code, 1);
    });

    it('B1: serves the known registries although the configuration is not valid', async () => {
      const { stdout, stderr, code } = await runConfigured('registries: [a b]', 'get', 'cr.yandex');
      assert.deepEqual(
        [(JSON.parse(stdout) as { Secret: string }).Secret, stderr, code],
        [token.token, '', 0],
      );
      const { stderr: note } = await runConfigured('registries: [a b]', 'get', 'registry.example.com');
      assert.match(note, /^iam-token: config\.yaml is not valid; its registries are ignored\n/);
    });
  });

  it('prints an error to stdout, which docker shows, and to stderr', async () => {
    daemon.setScript(loginRequired);
    assert.deepEqual(await runDocker('get', 'cr.yandex'), {
      stdout: 'not logged in\n',
      stderr: loginRequiredOutput,
      code: 4,
    });
    const { stdout, code } = await runCli(['docker-credential', 'get'], { stdin: 'cr.yandex' });
    assert.deepEqual(
      [stdout, code],
      ['iam-tokend is not running (no socket at /nowhere/iam-tokend/ipc.sock)\n', 3],
    );
  });

  it('prints no control characters', async () => {
    daemon.setScript(failWith({ code: 'internal', message: 'a\x1b]0;b\x07\nc' }));
    const { stdout } = await runDocker('get', 'cr.yandex');
    assert.equal(stdout, 'a\\u{1b}]0;b\\u{7}\\u{a}c\n');
  });
});
