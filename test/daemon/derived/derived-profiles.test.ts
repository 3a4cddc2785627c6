import assert from 'node:assert/strict';
import type { Profile } from '../../../src/daemon/profiles/profile.ts';
import type { ErrorCode } from '../../../src/shared/errors.ts';
import type { HttpClient, HttpResponse } from '../../../src/shared/http-client.ts';
import { terminalFailure } from '../../support/iam/fake-iam.ts';
import {
  captureCode,
  login,
  refreshToken,
  type RunningProfiles,
  startProfiles,
  requestToken,
  type ProfilesFixture,
  createProfilesFixture,
} from '../../support/daemon/profiles-fixture.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const hourMs = 60 * 60_000;
const account = 'ajesa00000000000001';

describe('profiles derived from another profile', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;
  let running: RunningProfiles;
  let base: Profile;
  /** Each as `account by token`. */
  let iamRequests: string[];
  let isGranted: boolean;

  const http: HttpClient = {
    async send({ url, headers, body }) {
      if (url.endsWith('/ephemeralAccessKeys')) return respondWithKeys();
      assert.equal(url, 'https://iam.example.net/iam/v1/tokens:createForServiceAccount');
      const { serviceAccountId } = JSON.parse(body ?? '') as { readonly serviceAccountId: string };
      iamRequests.push(`${serviceAccountId} by ${headers['authorization']?.replace('Bearer ', '')}`);
      const expiresAt = new Date(fixture.clock.now().wallMs + 12 * hourMs).toISOString();
      const iamToken = `t1.${serviceAccountId}.${iamRequests.length}`;
      return isGranted
        ? { status: 200, headers: new Map(), body: JSON.stringify({ iamToken, expiresAt }) }
        : { status: 403, headers: new Map(), body: '{"code":7,"message":"Permission denied"}' };
    },
  };

  function respondWithKeys(): HttpResponse {
    iamRequests.push('keys');
    const expiresAt = new Date(fixture.clock.now().wallMs + 12 * hourMs).toISOString();
    const keys = { accessKeyId: 'YCE', secret: `YCM${iamRequests.length}`, sessionToken: 's1', expiresAt };
    return { status: 200, headers: new Map(), body: JSON.stringify(keys) };
  }

  beforeEach(async () => {
    fixture = createProfilesFixture(folder());
    iamRequests = [];
    isGranted = true;
    running = await startProfiles(fixture, { tools: createSourceTools({ http, clock: fixture.clock }) });
    base = await login(running, 'a');
  });

  const token = (id = account): Promise<string> =>
    requestToken(running.profiles.getImpersonated(undefined, id, null));
  const failureCode = (id = account): Promise<string> => captureCode(token(id));
  const advanceHours = async (hours: number): Promise<void> => {
    for (let elapsedHours = 0; elapsedHours < hours; elapsedHours += 1) {
      fixture.clock.advance(hourMs);
      await flushPromises();
    }
  };
  const flushPromises = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  };

  it('get impersonated tokens with the token of the profile, and serve each several times', async () => {
    assert.equal(await token(), `t1.${account}.1`);
    assert.equal(await token(), `t1.${account}.1`);
    assert.deepEqual(iamRequests, [`${account} by t1.a.1`]);
    assert.equal(fixture.iam.exchanges.length, 1, 'no exchange of the profile itself');
  });

  it('have tokens of their own for each service account', async () => {
    assert.notEqual(await token('ajeother'), await token());
    assert.equal(iamRequests.length, 2);
  });

  it('have the name of their profile, and do not change its token', async () => {
    const runner = running.profiles.getImpersonated(undefined, account, null);
    await requestToken(runner);
    await flushPromises();
    assert.equal(runner.name, 'default');
    assert.equal(await requestToken(base), 't1.a.1');
    assert.equal(fixture.store.listKeys().length, 2, 'no item of the derived profile');
    assert.deepEqual(fixture.announcedEvents, ['rotated default']);
  });

  it('lose their tokens in a lock, and get new ones after an unlock', async () => {
    const runner = running.profiles.getImpersonated(undefined, account, null);
    await requestToken(runner);
    await running.profiles.lock();
    assert.equal(runner.state.token, null);
    assert.throws(() => running.profiles.getImpersonated(undefined, account, null), /the daemon is locked/);
    await running.profiles.unlock(null);
    assert.equal(await token(), `t1.${account}.2`);
  });

  it('renew while they are used, and end a day after the last request', async () => {
    await token();
    await advanceHours(23);
    const renewals = iamRequests.length;
    assert.ok(renewals > 20, `${renewals} exchanges in a day`);
    await token();
    await advanceHours(25);
    const before = iamRequests.length;
    await advanceHours(24);
    assert.equal(iamRequests.length, before);
    assert.match(await token(), new RegExp(`^t1\\.${account}\\.`));
    assert.equal(iamRequests.length, before + 1);
  });

  it('stay while the machine sleeps or its clock is set, and end a day after the last request', async () => {
    const impersonated = running.profiles.getImpersonated(undefined, account, null);
    const keyProfile = running.profiles.getAwsKeys(undefined, null);
    const issued = await requestToken(impersonated);
    for (const jumpMs of [2_000, -2_000]) fixture.clock.jump(jumpMs);
    assert.deepEqual(
      [running.profiles.getImpersonated(undefined, account, null), impersonated.state.token?.value.expose()],
      [impersonated, issued],
    );
    assert.equal(running.profiles.getAwsKeys(undefined, null), keyProfile);
    await advanceHours(23);
    fixture.clock.jump(hourMs);
    await advanceHours(1);
    assert.notEqual(running.profiles.getImpersonated(undefined, account, null), impersonated);
  });

  it('fail without the role, and retry after the profile is renewed', async () => {
    isGranted = false;
    assert.equal(await failureCode(), 'login_required');
    assert.equal(await failureCode(), 'login_required');
    assert.equal(iamRequests.length, 1, 'no second request after a rejection');
    isGranted = true;
    fixture.clock.advance(1_000);
    await refreshToken(base);
    assert.equal(await token(), `t1.${account}.2`);
  });

  it('fail with the profile', async () => {
    fixture.iam.respond = (exchange) => exchange.fail(terminalFailure);
    fixture.clock.advance(12 * hourMs);
    await flushPromises();
    assert.equal(await failureCode(), 'login_required');
    assert.equal(iamRequests.length, 0);
  });

  const closed: readonly ErrorCode[] = ['keychain_locked', 'keychain_unavailable'];
  for (const code of closed) {
    it(`report ${code} if the profile does`, async () => {
      fixture.store.failWith(code);
      running = await startProfiles(fixture, { tools: createSourceTools({ http, clock: fixture.clock }) });
      await running.profiles.load();
      assert.equal(await failureCode(), code);
      fixture.store.failWith(null);
      for (let times = 0; times < 2; times += 1) {
        fixture.clock.advance(30_000);
        await flushPromises();
      }
      assert.equal(await token(), `t1.${account}.1`);
    });
  }

  it('end with the login that they derive from', async () => {
    await token();
    await login(running, 'b');
    assert.equal(await token(), `t1.${account}.2`);
    assert.equal(iamRequests.at(-1), `${account} by t1.b.2`);
    await running.profiles.logout();
    assert.throws(() => running.profiles.getImpersonated(undefined, account, null), /not logged in/);
  });

  it('serve no token while the daemon is locked', async () => {
    await token();
    await running.profiles.lock();
    assert.throws(() => running.profiles.getImpersonated(undefined, account, null), /the daemon is locked/);
    await running.profiles.unlock(null);
    assert.equal(await token(), `t1.${account}.2`);
  });

  it('renew AWS keys in a lifecycle of their own, and do not store them', async () => {
    const keyProfile = running.profiles.getAwsKeys(undefined, null);
    const secretKey = async (): Promise<string> => {
      const { value } = await keyProfile.requestToken(0, new AbortController().signal);
      return value.secretAccessKey.expose();
    };
    assert.deepEqual([await secretKey(), await secretKey()], ['YCM1', 'YCM1']);
    await advanceHours(2);
    assert.notEqual(await secretKey(), 'YCM1');
    assert.equal(running.profiles.getAwsKeys(undefined, null), keyProfile);
    assert.equal(fixture.store.listKeys().length, 2);
    await login(running, 'b');
    assert.notEqual(running.profiles.getAwsKeys(undefined, null), keyProfile);
  });

  it('end with the daemon', async () => {
    await token();
    const before = iamRequests.length;
    await running.profiles.stop();
    await advanceHours(24);
    assert.equal(iamRequests.length, before);
  });
});
