import assert from 'node:assert/strict';
import { respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { loginRequired, loginRequiredOutput } from '../../../support/daemon/scripted-results.ts';
import { runCli } from '../../../support/processes/run-cli.ts';

const keys = {
  accessKeyId: 'YCEkey',
  secretAccessKey: 'YCMsecret',
  sessionToken: 's1.session',
  expiresAt: '2026-11-24T22:04:05.678Z',
  profile: 'work',
};
describe('iam-token aws-credential-process', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({ awsCredentials: keys }));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[]) =>
    runCli(['aws-credential-process', ...args], { socket: daemon.socketPath });

  it('B4: returns keys as a credential_process, with the expiry in whole seconds', async () => {
    const { stdout, stderr, code } = await run(['--profile', 'work']);
    assert.deepEqual([stderr, code], ['', 0]);
    assert.deepEqual(JSON.parse(stdout), {
      Version: 1,
      AccessKeyId: 'YCEkey',
      SecretAccessKey: 'YCMsecret',
      SessionToken: 's1.session',
      Expiration: '2026-11-24T22:04:05Z',
    });
    assert.deepEqual(daemon.requests, [
      { v: 1, id: 1, method: 'awsCredentials', params: { profile: 'work' } },
    ]);
  });

  it('A10: dates the expiry by the local clock if that is wrong', async () => {
    daemon.setScript(respondWith({ awsCredentials: { ...keys, clockOffsetMs: -7_200_000 } }));
    const { stdout } = await run([]);
    assert.equal((JSON.parse(stdout) as { Expiration: string }).Expiration, '2026-11-25T00:04:05Z');
  });

  it('rejects a clock offset beyond 2^53', async () => {
    daemon.setScript(respondWith({ awsCredentials: { ...keys, clockOffsetMs: 2 ** 60 } }));
    const { stdout, stderr, code } = await run([]);
    assert.deepEqual([stdout, code], ['', 1]);
    assert.match(stderr, /clockOffsetMs.*must be a number of at most 2\^53/);
  });

  it('prints no credential without a token, and exits like iam-token', async () => {
    daemon.setScript(loginRequired);
    assert.deepEqual(await run([]), { stdout: '', stderr: loginRequiredOutput, code: 4 });
    assert.equal((await runCli(['aws-credential-process'])).code, 3);
  });
});
