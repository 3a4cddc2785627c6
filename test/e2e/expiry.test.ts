import assert from 'node:assert/strict';
import { getIamToken } from '../../src/client/iam-token-client.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';

describe('at the moment of expiry', () => {
  let house: RunningHouse;

  before(async () => {
    house = await startHouse({ store: 'memory', lifetimeMs: 61 * 60_000 });
    await house.startDaemon();
    await house.iamToken(['login', '--stdin'], oauthToken);
  });
  after(() => house.stop());

  it('1,000 clients that need a longer token share one exchange and get equal tokens', async () => {
    house.emulator.setLifetimeMs(12 * 60 * 60_000);
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
});
