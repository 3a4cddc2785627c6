import assert from 'node:assert/strict';
import { answering, failing, ScriptedDaemon } from '../support/scripted-daemon.ts';
import { runCli } from '../support/run-cli.ts';
import { aMinuteBefore, tokenOf } from '../support/scripted-answers.ts';

const token = tokenOf(12 * 60 * 60_000);
const keys = {
  accessKeyId: 'YCEkey',
  secretAccessKey: 'YCMsecret',
  sessionToken: 's1.session',
  expiresAt: token.expiresAt,
  profile: 'work',
};
const nobody = failing({ code: 'login_required', message: 'nobody is logged in', hint: 'iam-token login' });
const said = 'iam-token: error: nobody is logged in\niam-token: hint: iam-token login\n';

describe('what answers other programs for a credential', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(answering({ token, awsCredentials: keys }));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[], stdin = '', env: Readonly<Record<string, string>> = {}) =>
    runCli(args, { socket: daemon.socketPath, stdin, env });
  const docker = (action: string, stdin: string | Buffer = '', ...args: readonly string[]) =>
    runCli(['docker-credential', action, ...args], { socket: daemon.socketPath, stdin });

  for (const registry of [
    'cr.yandex',
    'cr.cloud.yandex.net\n',
    'container-registry.cloud.yandex.net',
    'https://cr.yandexcloud.kz',
    'https://cr.yandex/v1/',
  ]) {
    it(`gives docker a token for ${JSON.stringify(registry)}`, async () => {
      const { stdout, stderr, code } = await docker('get', registry, '--profile', 'work');
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
    ['one that only looks like ours', 'cr.yandex.example.com'],
    ['one that hides behind a user name', 'https://cr.yandex@example.com/'],
    ['one without encryption', 'http://cr.yandex'],
    ['nothing', ''],
    ['control characters', 'cr.yandex\x1b[2J\x00'],
    ['two lines', 'cr.yandex\nexample.com'],
    ['10 KB', 'cr.yandex'.padEnd(10_240, '/x')],
    ['a megabyte', 'x'.repeat(1_048_576)],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x80])],
  ] as const) {
    it(`has nothing for ${what}, in the words that docker knows, and asks nobody`, async () => {
      const { stdout, stderr, code } = await docker('get', registry);
      assert.deepEqual([stdout, code], ['credentials not found in native keychain\n', 1]);
      assert.match(stderr, /^iam-token: there are credentials for the registries of Yandex Cloud alone\n/);
      assert.equal(daemon.connections, 0);
    });
  }

  it('stores and erases nothing for docker, and says so in one line', async () => {
    for (const action of ['store', 'erase']) {
      const { stdout, stderr, code } = await docker(
        action,
        '{"ServerURL":"cr.yandex","Username":"iam","Secret":"t1.x"}',
      );
      assert.deepEqual([stdout, code], ['', 0]);
      assert.match(stderr, new RegExp(`^iam-token: nothing to ${action}: [^\\n]+\\n$`));
    }
  });

  it('lists the registries for docker', async () => {
    const { stdout, code } = await docker('list');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), {
      'cr.yandex': 'iam',
      'cr.cloud.yandex.net': 'iam',
      'container-registry.cloud.yandex.net': 'iam',
      'cr.yandexcloud.kz': 'iam',
    });
  });

  it('tells docker on stdout why there is no token, as it shows that, and a person on stderr', async () => {
    daemon.become(nobody);
    assert.deepEqual(await docker('get', 'cr.yandex'), {
      stdout: 'nobody is logged in\n',
      stderr: said,
      code: 4,
    });
    const { stdout, code } = await runCli(['docker-credential', 'get'], { stdin: 'cr.yandex' });
    assert.deepEqual([stdout, code], ['nothing listens at /nowhere/iam-tokend/ipc.sock\n', 3]);
  });

  it('tells docker nothing that acts on a terminal', async () => {
    daemon.become(failing({ code: 'internal', message: 'a\x1b]0;b\x07\nc' }));
    const { stdout } = await docker('get', 'cr.yandex');
    assert.equal(stdout, 'a\\u{1b}]0;b\\u{7}\\u{a}c\n');
  });

  const info = (apiVersion: unknown, kind = 'ExecCredential'): string =>
    JSON.stringify({ apiVersion, kind, spec: { interactive: false } });

  for (const [what, env, apiVersion] of [
    ['v1beta1 where it does not say', {}, 'client.authentication.k8s.io/v1beta1'],
    [
      'v1beta1',
      { KUBERNETES_EXEC_INFO: info('client.authentication.k8s.io/v1beta1') },
      'client.authentication.k8s.io/v1beta1',
    ],
    [
      'v1',
      { KUBERNETES_EXEC_INFO: info('client.authentication.k8s.io/v1') },
      'client.authentication.k8s.io/v1',
    ],
  ] as const) {
    it(`answers kubectl in ${what}`, async () => {
      const { stdout, stderr, code } = await run(['kubernetes-credential', '--profile=work'], '', env);
      assert.deepEqual([stderr, code], ['', 0]);
      assert.deepEqual(JSON.parse(stdout), {
        apiVersion,
        kind: 'ExecCredential',
        status: { token: token.token, expirationTimestamp: aMinuteBefore(token.expiresAt) },
      });
      assert.deepEqual(daemon.requests[0]?.params, { profile: 'work' });
    });
  }

  for (const [broken, message] of [
    ['no json', /is not the JSON/],
    ['null', /is not the JSON/],
    ['[]', /is not the JSON/],
    ['{"kind":"ExecCredential"}', /is not the JSON/],
    [info(7), /is not the JSON/],
    [info('client.authentication.k8s.io/v1', 'Pod'), /is not the JSON/],
    [info('client.authentication.k8s.io/v1alpha1'), /asks for client\.authentication\.k8s\.io\/v1alpha1/],
    [info('\x1b[2J'), /asks for \\u\{1b\}\[2J/],
  ] as const) {
    it(`refuses KUBERNETES_EXEC_INFO=${broken}, and asks nobody`, async () => {
      const { stdout, stderr, code } = await run(['kubernetes-credential'], '', {
        KUBERNETES_EXEC_INFO: broken,
      });
      assert.deepEqual([stdout, code], ['', 2]);
      assert.match(stderr, message);
      assert.equal(daemon.connections, 0);
    });
  }

  it("answers AWS's tools with keys, as their credential_process", async () => {
    const { stdout, stderr, code } = await run(['aws-credential-process', '--profile', 'work']);
    assert.deepEqual([stderr, code], ['', 0]);
    assert.deepEqual(JSON.parse(stdout), {
      Version: 1,
      AccessKeyId: 'YCEkey',
      SecretAccessKey: 'YCMsecret',
      SessionToken: 's1.session',
      Expiration: token.expiresAt,
    });
    assert.deepEqual(daemon.requests, [
      { v: 1, id: 1, method: 'awsCredentials', params: { profile: 'work' } },
    ]);
  });

  it('prints nothing for kubectl and AWS where there is no token, and says why', async () => {
    daemon.become(nobody);
    for (const command of ['kubernetes-credential', 'aws-credential-process']) {
      assert.deepEqual(await run([command]), { stdout: '', stderr: said, code: 4 });
      assert.equal((await runCli([command])).code, 3);
    }
  });
});
