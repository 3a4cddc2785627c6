import assert from 'node:assert/strict';
import type { Problem } from '../../src/shared/errors.ts';
import { getIamToken } from '../../src/client/iam-token-client.ts';
import { rawPeer } from '../support/raw-peer.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';

describe('at the moment of expiry', () => {
  let house: RunningHouse;

  beforeEach(async () => {
    house = await startHouse({ store: 'memory', lifetimeMs: 61 * 60_000 });
    await house.startDaemon();
    await house.iamToken(['login', '--stdin'], oauthToken);
  });
  afterEach(() => house.stop());

  it('1,000 clients that need a longer token share one exchange and get equal tokens', async () => {
    house.emulator.lifetimeMs = 12 * 60 * 60_000;
    const before = house.emulator.count('POST /iam/v1/tokens');
    const clients = Array.from({ length: 1_000 }, () =>
      getIamToken({
        socketPath: house.socketPath,
        minTtlMs: 11 * 60 * 60_000,
        signal: AbortSignal.timeout(15_000),
      }),
    );
    const tokens = new Set((await Promise.all(clients)).map(({ token }) => token));
    assert.equal(tokens.size, 1);
    assert.equal(house.emulator.count('POST /iam/v1/tokens') - before, 1);
  });

  it('a time that IAM cannot meet, asked for 1,000 times in a row, brings one exchange in a minute', async () => {
    const before = house.emulator.count('POST /iam/v1/tokens');
    const peer = await rawPeer(house.socketPath);
    for (let id = 1; id <= 1_000; id += 1) {
      peer.send({ v: 1, id, method: 'token', params: { minTtlMs: 12 * 60 * 60_000 } });
      const { error } = (await peer.next()) as { readonly error: Problem };
      assert.equal(error.code, 'unavailable');
      assert.match(error.message, /^the longest token there is lives for \d+ s more, less than the 43200 s/);
    }
    peer.socket.destroy();
    assert.equal(house.emulator.count('POST /iam/v1/tokens') - before, 1);
  });
});
