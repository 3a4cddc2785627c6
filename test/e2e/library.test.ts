import assert from 'node:assert/strict';
import { type IamToken, iamTokenCache, watchIamToken } from '../../src/client/iam-token-client.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';

describe('the library, with the real daemon', () => {
  let house: RunningHouse;
  let ending: AbortController;
  let tokens: AsyncGenerator<IamToken, never, undefined>;

  before(async () => {
    house = await startHouse();
    await house.startDaemon();
    assert.equal((await house.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    ending = new AbortController();
    tokens = watchIamToken({ socketPath: house.socketPath, signal: ending.signal });
  });
  after(() => house.stop());

  const printed = async (): Promise<string> => (await house.iamToken()).stdout.trim();

  it('watches the token, and the one that takes its place', async () => {
    assert.equal((await tokens.next()).value.token, await printed());
    const next = tokens.next();
    await house.iamToken(['refresh']);
    assert.equal((await next).value.token, await printed());
  });

  it('watches on after a restart of the daemon', async () => {
    const next = tokens.next();
    await house.stopDaemon();
    await house.startDaemon();
    await house.iamToken(['refresh']);
    assert.equal((await next).value.token, await printed());
    ending.abort(new Error('enough'));
    await assert.rejects(tokens.next(), { message: 'enough' });
  });

  it('has no token once the daemon is locked', async () => {
    const { get, getToken, drop } = iamTokenCache({ socketPath: house.socketPath });
    const { token } = await get();
    await house.iamToken(['lock']);
    drop(token);
    await assert.rejects(getToken(), { code: 'locked' });
  });
});
