import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { ProfileStatus } from '../../../src/protocol/method-types.ts';
import { createFakePeer, type FakePeer } from '../../support/daemon/fake-peer.ts';
import { login, type ProfilesFixture, type RunningProfiles } from '../../support/daemon/profiles-fixture.ts';
import { RequestFixture } from '../../support/daemon/request-fixture.ts';
import { terminalFailure, transientFailure } from '../../support/iam/fake-iam.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

describe('the request handler', () => {
  const folder = useTemporaryFolder();
  let requests: RequestFixture;
  let fixture: ProfilesFixture;
  let running: RunningProfiles;
  let peer: FakePeer;

  beforeEach(async () => {
    requests = await RequestFixture.start(folder());
    ({ base: fixture, running, peer } = requests);
  });

  it('says hello', async () => {
    assert.deepEqual((await requests.callAndWait('hello', { version: '9' })).result, {
      version: '0.1.0',
      protocol: 1,
    });
  });

  it('closes a connection without messages, and answers an invalid message', async () => {
    requests.handler.handle({ v: 1, id: 5, method: 'token', params: { minTtlMs: -1 } }, peer);
    assert.equal((await peer.waitForResponse(5)).error?.code, 'bad_request');
    requests.handler.handle({ v: 1, method: 'token' }, peer);
    assert.equal((await peer.waitForResponse(null)).error?.code, 'bad_request');
    assert.equal(peer.closeReason, null);
    for (const data of [null, 1, 'x', [], undefined]) {
      const silentPeer = createFakePeer();
      requests.handler.handle(data, silentPeer);
      assert.equal(silentPeer.closeReason, 'a frame without a message');
      assert.deepEqual(silentPeer.sentMessages, []);
    }
  });

  it('returns a token with its expiry, profile and subject', async () => {
    await login(running, 'a', 'work');
    assert.deepEqual((await requests.callAndWait('token')).result, {
      token: 't1.a.1',
      expiresAt: '2026-11-25T00:00:00.000Z',
      profile: 'work',
      subject: 'subject-of-a',
    });
  });

  it('returns the new name of a renamed profile with the same token', async () => {
    await login(running, 'a', 'work');
    const { result } = await requests.callAndWait('token');
    await requests.callAndWait('rename', { profile: 'work', to: 'office' });
    assert.deepEqual((await requests.callAndWait('token')).result, { ...result, profile: 'office' });
  });

  it('answers within the same tick if it can', async () => {
    await login(running, 'a', 'work');
    for (const method of ['token', 'hello', 'profiles', 'subscribe']) {
      assert.ok(peer.hasResponse(requests.call(method)), method);
    }
  });

  it('rejects an unknown profile', async () => {
    for (const method of ['token', 'refresh', 'status', 'logout', 'use', 'subscribe']) {
      assert.equal(await requests.captureCode(method, { profile: 'missing' }), 'unknown_profile', method);
    }
    assert.equal(await requests.captureCode('token'), 'login_required');
  });

  it('adds a warning to a valid token when renewal needs a login, but not while it retries', async () => {
    await login(running, 'a', 'work');
    fixture.iam.respond = (exchange) => exchange.fail(transientFailure);
    assert.equal(await requests.captureCode('refresh'), 'unavailable');
    assert.equal((await requests.callAndWait('token')).result?.['warning'], undefined);
    fixture.iam.respond = (exchange) => exchange.fail(terminalFailure);
    assert.equal(await requests.captureCode('refresh'), 'login_required');
    const { result } = await requests.callAndWait('token');
    assert.equal(result?.['token'], 't1.a.1');
    assert.deepEqual(result?.['warning'], {
      code: 'login_required',
      message: terminalFailure.message,
      hint: 'iam-token login --oauth',
    });
  });

  it('18.6: tells a session whether it had the warning in the last hour, or a hook reports it', async () => {
    await login(running, 'a', 'work');
    const warnedOf = async (session?: string): Promise<unknown> =>
      (await requests.callAndWait('token', session === undefined ? {} : { session })).result?.['warned'];
    assert.equal(await warnedOf('1'), undefined, 'there is no warning');
    fixture.iam.respond = (exchange) => exchange.fail(terminalFailure);
    assert.equal(await requests.captureCode('refresh'), 'login_required');
    assert.equal(await warnedOf(), undefined);
    assert.deepEqual([await warnedOf('1'), await warnedOf('1'), await warnedOf('2')], [false, true, false]);
    fixture.clock.advance(60 * 60_000);
    assert.equal(await warnedOf('1'), false);
    requests.hasHook = true;
    assert.equal(await warnedOf('3'), true);
    assert.equal(await requests.captureCode('token', { session: 'x'.repeat(65) }), 'bad_request');
  });

  it('logs in, refreshes, changes the default and logs out, and never returns a credential', async () => {
    assert.deepEqual(
      (await requests.callAndWait('login', { kind: 'oauth', secret: 'cAnArY', profile: 'work' })).result,
      {
        profile: 'work',
        subject: 'subject-of-cAnArY',
        expiresAt: '2026-11-25T00:00:00.000Z',
      },
    );
    await requests.callAndWait('login', { kind: 'oauth', secret: 'b', profile: 'home' });
    assert.equal((await requests.callAndWait('refresh')).result?.['profile'], 'work');
    assert.deepEqual((await requests.callAndWait('use', { profile: 'home' })).result, { profile: 'home' });
    assert.equal((await requests.callAndWait('token')).result?.['profile'], 'home');
    assert.deepEqual((await requests.callAndWait('logout')).result, { profile: 'home' });
    assert.equal(await requests.captureCode('token'), 'unknown_profile');
    await requests.callAndWait('status');
    await requests.callAndWait('profiles');
    const withoutTokens = peer.sentMessages.filter(
      (message) => !JSON.stringify(message).includes('"subject-of-cAnArY"'),
    );
    assert.ok(!JSON.stringify(withoutTokens).replaceAll('t1.cAnArY', '').includes('cAnArY'));
  });

  it('renders the hint of a failed login with its kind and profile', async () => {
    await login(running, 'a', 'work');
    fixture.iam.respond = (exchange) =>
      exchange.fail({
        kind: 'interaction_required',
        message: 'a login is needed',
        hint: { command: 'refresh' },
      });
    const params = { kind: 'oauth', secret: 'b', profile: 'home' };
    const { error } = await requests.callAndWait('login', params);
    assert.equal(error?.hint, 'iam-token login --profile home --oauth');
  });

  it('rejects a login with an invalid credential, and does not repeat it', async () => {
    const { error } = await requests.callAndWait('login', { kind: 'cAnArY', secret: 'cAnArY' });
    assert.equal(error?.code, 'bad_request');
    assert.ok(!JSON.stringify(peer.sentMessages).includes('cAnArY'));
    assert.equal(
      await requests.captureCode('login', { kind: 'oauth', secret: 'x', endpoint: 'http://cAnArY' }),
      'bad_request',
    );
    assert.ok(!JSON.stringify(peer.sentMessages).includes('cAnArY'));
  });

  it('reports an unexpected error as internal, and logs it', async () => {
    requests.getDaemonStatus = () => Promise.reject(new TypeError('a bug'));
    const { error } = await requests.callAndWait('status');
    assert.deepEqual(error, { code: 'internal', message: 'a bug' });
    assert.ok(fixture.log.lines.includes('error a request failed: a bug'));
  });

  it('stops the daemon after the response', async () => {
    const id = requests.call('stop');
    assert.ok(peer.hasResponse(id));
    assert.equal(requests.stopCount, 0);
    await turn();
    assert.equal(requests.stopCount, 1);
  });

  it('locks and unlocks, and returns the outcome', async () => {
    await login(running, 'a', 'work');
    assert.deepEqual((await requests.callAndWait('unlock')).result, { outcome: 'was_open' });
    assert.deepEqual((await requests.callAndWait('lock')).result, { outcome: 'locked' });
    assert.deepEqual((await requests.callAndWait('lock')).result, { outcome: 'was_locked' });
    for (const method of ['token', 'refresh']) {
      assert.deepEqual((await requests.callAndWait(method)).error, {
        code: 'locked',
        message: 'the daemon is locked',
        hint: 'iam-token unlock',
      });
    }
    assert.equal(await requests.captureCode('login', { kind: 'oauth', secret: 'b' }), 'locked');
    const { result } = await requests.callAndWait('status', { profile: 'work' });
    const [work] = (result?.['profiles'] ?? []) as readonly ProfileStatus[];
    assert.deepEqual([work?.state, work?.problem?.code, work?.expiresAt], ['locked', 'locked', null]);
    assert.deepEqual((await requests.callAndWait('unlock')).result, { outcome: 'opened' });
    assert.equal((await requests.callAndWait('token')).result?.['token'], 't1.a.1');
  });

  it('passes a passphrase to the store, and to nothing else', async () => {
    await requests.callAndWait('unlock', { passphrase: 'cAnArY' });
    assert.deepEqual(fixture.store.passphrases, ['cAnArY']);
    assert.ok(!JSON.stringify([peer.sentMessages, fixture.log.lines]).includes('cAnArY'));
  });

  it('D1: restricts another user to methods that change nothing, with the code forbidden', async () => {
    await login(running, 'a', 'work');
    const otherUser = { ...createFakePeer(), isOtherUser: true };
    const calls = {
      ...{ hello: {}, token: {}, status: {}, profiles: {}, subscribe: {} },
      ...{
        login: { kind: 'oauth', secret: 'b' },
        logout: {},
        refresh: {},
        use: { profile: 'work' },
      },
      ...{ lock: {}, unlock: {}, stop: {} },
    };
    const rejectedMethods: string[] = [];
    for (const [id, [method, params]] of Object.entries(calls).entries()) {
      requests.handler.handle({ v: 1, id, method, params }, otherUser);
      const { error } = await otherUser.waitForResponse(id);
      if (error === undefined) continue;
      assert.equal(error.code, 'forbidden');
      assert.match(error.message, /is reserved for root and the user that the daemon runs as/);
      rejectedMethods.push(method);
    }
    assert.deepEqual(rejectedMethods, ['login', 'logout', 'refresh', 'use', 'lock', 'unlock', 'stop']);
    assert.equal(requests.stopCount, 0);
  });

  it('C8: names the command that another user may not run, not the method', async () => {
    const otherUser = { ...createFakePeer(), isOtherUser: true };
    requests.handler.handle({ v: 1, id: 1, method: 'awsCredentials', params: {} }, otherUser);
    const { error } = await otherUser.waitForResponse(1);
    assert.equal(
      error?.message,
      'iam-token aws-credential-process is reserved for root and the user that the daemon runs as',
    );
  });

  describe('D1: a program in a container', () => {
    const inContainer = (): FakePeer => ({ ...createFakePeer(), findContainer: () => 'sh, process 7' });
    const credential = { kind: 'oauth', secret: 'b', profile: 'other' };

    it('may call what returns tokens, and nothing else', async () => {
      await login(running, 'a', 'work');
      const from = inContainer();
      for (const method of ['hello', 'token', 'status', 'profiles', 'subscribe'])
        assert.equal((await requests.callAndWait(method, {}, from)).error, undefined, method);
      assert.equal(
        from.hasResponse(requests.call('awsCredentials', {}, from)),
        false,
        'it waits for the keys',
      );
      for (const method of ['refresh', 'logout', 'lock', 'unlock', 'stop'])
        assert.equal((await requests.callAndWait(method, {}, from)).error?.code, 'forbidden', method);
      const { error } = await requests.callAndWait('login', credential, from);
      assert.equal(error?.message, 'a program in a container may not call login (sh, process 7)');
      assert.equal(requests.stopCount, 0);
    });

    it('may not call awsCredentials as another user', async () => {
      const from = { ...inContainer(), isOtherUser: true };
      assert.equal((await requests.callAndWait('awsCredentials', {}, from)).error?.code, 'forbidden');
    });

    it('may call everything with full access, or where it is not recognized', async () => {
      requests.containerAccess = 'full';
      assert.equal((await requests.callAndWait('login', credential, inContainer())).error, undefined);
      requests.containerAccess = 'not enforced';
      assert.equal((await requests.callAndWait('lock', {}, inContainer())).error, undefined);
    });

    it('names no path and no URL in a login, with full access either', async () => {
      requests.containerAccess = 'full';
      for (const [name, params] of [
        ['endpoint', { ...credential, endpoint: 'http://127.0.0.1:1' }],
        ['path', { kind: 'yc', settings: { path: '/work/yc' } }],
        [
          'tokenFile',
          { kind: 'workload-identity', settings: { serviceAccountId: 'aje1', tokenFile: '/etc/shadow' } },
        ],
        ['tokenUrl', { kind: 'workload-identity', settings: { tokenUrl: 'http://127.0.0.1' } }],
        ['new', { kind: 'future', settings: { new: 'a/b' } }],
      ] as const) {
        const { error } = await requests.callAndWait('login', params, inContainer());
        assert.equal(error?.code, 'forbidden');
        assert.match(error.message, new RegExp(`^login with ${name} is not allowed from a container \\(`));
      }
    });
  });
});
