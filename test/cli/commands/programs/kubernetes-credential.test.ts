import assert from 'node:assert/strict';
import { respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import {
  createTokenResult,
  loginRequired,
  loginRequiredOutput,
  subtractMinute,
} from '../../../support/daemon/scripted-results.ts';
import { runCli } from '../../../support/processes/run-cli.ts';

const token = createTokenResult(12 * 60 * 60_000);

describe('iam-token kubernetes-credential', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({ token }));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runCli(['kubernetes-credential', ...args], { socket: daemon.socketPath, env });

  const info = (apiVersion: unknown, kind = 'ExecCredential'): string =>
    JSON.stringify({ apiVersion, kind, spec: { interactive: false } });

  for (const [what, env, apiVersion] of [
    ['v1beta1 by default', {}, 'client.authentication.k8s.io/v1beta1'],
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
    it(`B4: returns a token in ${what}, with the expiry in whole seconds`, async () => {
      const { stdout, stderr, code } = await run(['--profile=work'], env);
      assert.deepEqual([stderr, code], ['', 0]);
      assert.deepEqual(JSON.parse(stdout), {
        apiVersion,
        kind: 'ExecCredential',
        status: { token: token.token, expirationTimestamp: subtractMinute(token.expiresAt) },
      });
      assert.deepEqual(daemon.requests[0]?.params, { profile: 'work' });
    });
  }

  for (const [broken, message] of [
    ['no json', /is not an ExecCredential in JSON/],
    ['null', /is not an ExecCredential in JSON/],
    ['[]', /is not an ExecCredential in JSON/],
    ['{"kind":"ExecCredential"}', /is not an ExecCredential in JSON/],
    [info(7), /is not an ExecCredential in JSON/],
    [info('client.authentication.k8s.io/v1', 'Pod'), /is not an ExecCredential in JSON/],
    [
      info('client.authentication.k8s.io/v1alpha1'),
      /unsupported apiVersion .*: client\.authentication\.k8s\.io\/v1alpha1/,
    ],
    [info('\x1b[2J'), /unsupported apiVersion .*: \\u\{1b\}\[2J/],
  ] as const) {
    it(`rejects KUBERNETES_EXEC_INFO=${broken} without calling the daemon`, async () => {
      const { stdout, stderr, code } = await run([], {
        KUBERNETES_EXEC_INFO: broken,
      });
      assert.deepEqual([stdout, code], ['', 2]);
      assert.match(stderr, message);
      assert.equal(daemon.connectionCount, 0);
    });
  }

  it('prints no credential without a token, and exits like iam-token', async () => {
    daemon.setScript(loginRequired);
    assert.deepEqual(await run([]), { stdout: '', stderr: loginRequiredOutput, code: 4 });
    assert.equal((await runCli(['kubernetes-credential'])).code, 3);
  });
});
