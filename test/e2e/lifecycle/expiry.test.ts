import assert from 'node:assert/strict';
import type { Problem } from '../../../src/shared/errors.ts';
import { getIamToken } from '../../../src/client/iam-token-client.ts';
import { connectRawPeer } from '../../support/daemon/raw-peer.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';

describe('minimum lifetime', () => {
  let testEnv: TestEnvironment;

  beforeEach(async () => {
    testEnv = await startTestEnvironment({ store: 'memory', lifetimeMs: 61 * 60_000 });
    await testEnv.startDaemon();
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
  });
  afterEach(() => testEnv.stop());

  it('shares one exchange and one token among 1,000 clients', async () => {
    testEnv.emulator.lifetimeMs = 12 * 60 * 60_000;
    const callsBefore = testEnv.emulator.countRequests('POST /iam/v1/tokens');
    const clients = Array.from({ length: 1_000 }, () =>
      getIamToken({
        socketPath: testEnv.socketPath,
        minTtlMs: 11 * 60 * 60_000,
        signal: AbortSignal.timeout(15_000),
      }),
    );
    const tokens = new Set((await Promise.all(clients)).map(({ token }) => token));
    assert.equal(tokens.size, 1);
    assert.equal(testEnv.emulator.countRequests('POST /iam/v1/tokens') - callsBefore, 1);
  });

  it('causes one exchange in a minute if IAM cannot meet it, for 1,000 requests in a row', async () => {
    const callsBefore = testEnv.emulator.countRequests('POST /iam/v1/tokens');
    const peer = await connectRawPeer(testEnv.socketPath);
    for (let id = 1; id <= 1_000; id += 1) {
      peer.send({ v: 1, id, method: 'token', params: { minTtlMs: 12 * 60 * 60_000 } });
      const { error } = (await peer.nextData()) as { readonly error: Problem };
      assert.equal(error.code, 'unavailable');
      assert.match(error.message, /^the token is valid for another \d+ s, less than the requested 43200 s/);
    }
    peer.socket.destroy();
    assert.equal(testEnv.emulator.countRequests('POST /iam/v1/tokens') - callsBefore, 1);
  });
});
