import assert from 'node:assert/strict';
import { type IamToken, iamTokenCache, watchIamToken } from '../../../src/client/iam-token-client.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';

describe('client library, with a real daemon', () => {
  let testEnv: TestEnvironment;
  let abortController: AbortController;
  let tokens: AsyncGenerator<IamToken, never, undefined>;

  before(async () => {
    testEnv = await startTestEnvironment();
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    abortController = new AbortController();
    tokens = watchIamToken({ socketPath: testEnv.socketPath, signal: abortController.signal });
  });
  after(() => testEnv.stop());

  const readPrintedToken = async (): Promise<string> => (await testEnv.iamToken()).stdout.trim();

  it('yields the token, and then its successor', async () => {
    assert.equal((await tokens.next()).value.token, await readPrintedToken());
    const nextToken = tokens.next();
    await testEnv.iamToken(['refresh']);
    assert.equal((await nextToken).value.token, await readPrintedToken());
  });

  it('keeps watching after a restart of the daemon', async () => {
    const nextToken = tokens.next();
    await testEnv.stopDaemon();
    await testEnv.startDaemon();
    await testEnv.iamToken(['refresh']);
    assert.equal((await nextToken).value.token, await readPrintedToken());
    abortController.abort(new Error('stopped'));
    await assert.rejects(tokens.next(), { message: 'stopped' });
  });

  it('rejects with the code locked once the daemon is locked', async () => {
    const { get, getToken, drop } = iamTokenCache({ socketPath: testEnv.socketPath });
    const { token } = await get();
    await testEnv.iamToken(['lock']);
    drop(token);
    await assert.rejects(getToken(), { code: 'locked' });
  });
});
