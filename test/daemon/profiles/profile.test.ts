import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Profile } from '../../../src/daemon/profiles/profile.ts';
import { formatHint } from '../../../src/shared/hint.ts';
import { Secret } from '../../../src/shared/secret.ts';
import type { PersistedToken } from '../../../src/token/token.ts';
import type { IamTokenSource } from '../../../src/token/token-source.ts';
import {
  type FakeIam,
  createFakeIam,
  tokenLifetimeMs,
  terminalFailure,
  transientFailure,
} from '../../support/iam/fake-iam.ts';
import { type SentRequest, sendRefresh, sendTokenRequest } from '../../support/daemon/sent-request.ts';
import { type FakeLog, createFakeLog } from '../../support/fake-log.ts';
import { type TestClock, createTestClock } from '../../support/time/test-clock.ts';

const hourMs = 60 * 60_000;
const installation = { endpoint: 'https://iam.example.net', audience: 'https://iam.example.net/aud' };

describe('a profile', () => {
  let clock: TestClock;
  let iam: FakeIam;
  let log: FakeLog;
  let persistedTokens: string[];
  let announced: string[];
  let profile: Profile;

  beforeEach(() => {
    clock = createTestClock();
    iam = createFakeIam(clock);
    log = createFakeLog();
    persistedTokens = [];
    announced = [];
    profile = new Profile({
      name: 'work',
      clock,
      log,
      formatHint: (hint) => formatHint(hint),
      getNextScheduledMs: (_profile, afterMs) => afterMs + hourMs,
      persistToken: ({ token }) => persistedTokens.push(token.value.expose()),
      announce: (event) => announced.push(event),
    });
  });

  const source = (credential = 'c'): IamTokenSource =>
    iam.openSource(iam.kind, new Secret(credential), installation);

  const createPersistedToken = (leftMs: number): PersistedToken<Secret> => {
    const expiresAtMs = clock.now().wallMs + leftMs;
    const token = {
      value: new Secret('t1.kept'),
      subject: null,
      expiresAtMs,
      receivedAtMs: expiresAtMs - tokenLifetimeMs,
    };
    return { token, clockOffsetMs: 0 };
  };

  const token = (minTtlMs = 0): SentRequest => sendTokenRequest(profile, minTtlMs);
  const refresh = (): SentRequest => sendRefresh(profile);
  const rejectionCode = async (): Promise<string | undefined> => {
    const request = token();
    await turn();
    return request.end();
  };

  it('makes requests wait for the store, and then for one exchange', async () => {
    const first = token();
    const second = token();
    await turn();
    assert.deepEqual([first.end(), second.end(), iam.exchanges.length], [undefined, undefined, 0]);
    profile.setCredential(source(), null);
    await turn();
    assert.deepEqual([first.end(), second.end(), iam.exchanges.length], ['t1.c.1', 't1.c.1', 1]);
    assert.deepEqual([persistedTokens, announced], [['t1.c.1'], ['rotated']]);
  });

  it('rejects requests with the problem of the store', async () => {
    const waiting = token();
    profile.removeCredential({ code: 'keychain_locked', message: 'locked' });
    const requests = [waiting, token(), refresh()];
    await turn();
    assert.deepEqual(
      requests.map(({ end }) => end()),
      Array(3).fill('keychain_locked'),
    );
    assert.equal(iam.exchanges.length, 0);
  });

  it('serves the persisted token, without an exchange', () => {
    profile.setCredential(source(), createPersistedToken(11 * hourMs));
    assert.equal(token().end(), 't1.kept');
    assert.equal(iam.exchanges.length, 0);
  });

  it('serves a persisted token that expires soon, and renews it in the background', async () => {
    profile.setCredential(source(), createPersistedToken(0.5 * hourMs));
    assert.equal(token().end(), 't1.kept');
    await turn();
    assert.equal(token().end(), 't1.c.1');
  });

  it('renews on schedule, and serves the old token during the exchange', async () => {
    profile.setCredential(source(), null);
    await turn();
    iam.respond = null;
    clock.advance(hourMs);
    await turn();
    assert.equal(iam.exchanges.length, 2);
    assert.equal(token().end(), 't1.c.1');
    iam.exchanges[1]?.succeed();
    await turn();
    assert.equal(token().end(), 't1.c.2');
    assert.deepEqual(announced, ['rotated', 'rotated']);
  });

  it('answers a refresh with the outcome of an exchange, even if the old token is valid', async () => {
    profile.setCredential(source(), null);
    await turn();
    clock.advance(1_000);
    const succeeding = refresh();
    await turn();
    assert.equal(succeeding.end(), 't1.c.2');
    iam.respond = (exchange) => exchange.fail(transientFailure);
    const failing = refresh();
    await turn();
    assert.equal(failing.end(), 'unavailable');
    assert.equal(token().end(), 't1.c.2');
    assert.deepEqual(announced, ['rotated', 'rotated', 'failing']);
    assert.deepEqual(
      iam.exchanges.map(({ interactive }) => interactive),
      [false, true, true],
    );
  });

  it('retries a transient failure by itself, but not a terminal one', async () => {
    iam.respond = (exchange) => exchange.fail(transientFailure);
    profile.setCredential(source(), null);
    await turn();
    clock.advance(5_000);
    await turn();
    assert.equal(iam.exchanges.length, 2);
    iam.respond = (exchange) => exchange.fail(terminalFailure);
    clock.advance(60_000);
    await turn();
    assert.equal(iam.exchanges.length, 3);
    clock.advance(5 * hourMs);
    await turn();
    assert.equal(iam.exchanges.length, 3);
    assert.equal(await rejectionCode(), 'login_required');
    assert.equal(announced.at(-1), 'login_required');
  });

  it('rejects a request that is cancelled while it waits, and ignores a later abort', async () => {
    const cancelledRequest = token();
    const pendingRequest = token();
    cancelledRequest.cancel();
    profile.setCredential(source(), null);
    await turn();
    assert.deepEqual([cancelledRequest.end(), pendingRequest.end()], ['AbortError', 't1.c.1']);
    pendingRequest.cancel();
    cancelledRequest.cancel();
    assert.equal(token().end(), 't1.c.1');
  });

  it('rejects a request whose signal has already aborted', async () => {
    const signal = AbortSignal.abort(new Error('too late'));
    await assert.rejects(profile.requestRefresh(signal), /too late/);
    await assert.rejects(profile.requestToken(0, signal), /too late/);
    assert.equal(profile.state.waitingRequests.length, 0);
  });

  it('retries after a source has thrown', async () => {
    iam.respond = (exchange) => exchange.rejectWith(new TypeError('undefined is not a function'));
    const waiting = token();
    profile.setCredential(source(), null);
    await turn();
    assert.equal(waiting.end(), 'unavailable');
    iam.respond = (exchange) => exchange.succeed();
    clock.advance(60_000);
    await turn();
    assert.equal(token().end(), 't1.c.2');
    assert.ok(log.lines.some((line) => line.includes('undefined is not a function')));
  });

  it('treats a source that throws before it returns a promise as failed', async () => {
    profile.setCredential(
      {
        exchange: () => {
          throw new Error('at once');
        },
      },
      null,
    );
    await turn();
    assert.equal(await rejectionCode(), 'unavailable');
  });

  it('cancels its exchange for a login, and serves the token of the login', async () => {
    iam.respond = null;
    profile.setCredential(source('old'), null);
    const waiting = token();
    await turn();
    profile.completeLogin(
      source('new'),
      { value: new Secret('t1.login'), expiresAtMs: clock.now().wallMs + tokenLifetimeMs, subject: 's' },
      clock.now(),
    );
    await turn();
    assert.equal(waiting.end(), 't1.login');
    assert.equal(iam.exchanges[0]?.signal.aborted, true);
    iam.exchanges[0]?.succeed();
    await turn();
    assert.equal(token().end(), 't1.login');
    iam.respond = (exchange) => exchange.succeed();
    clock.advance(hourMs);
    await turn();
    assert.equal(iam.exchanges.at(-1)?.credential, 'new');
  });

  it('renews before it answers if the token expired during sleep', async () => {
    profile.setCredential(source(), null);
    await turn();
    clock.jump(13 * hourMs);
    const waiting = token();
    await turn();
    assert.equal(waiting.end(), 't1.c.2');
    assert.equal(iam.exchanges.length, 2);
  });

  it('answers a thousand requests at the moment of expiry with one exchange and the same token', async () => {
    iam.respond = null;
    profile.setCredential(source(), createPersistedToken(60_001));
    assert.equal(token().end(), 't1.kept');
    clock.advance(1);
    const requests = Array.from({ length: 1_000 }, () => token());
    await turn();
    assert.equal(iam.exchanges.length, 1);
    iam.exchanges[0]?.succeed();
    await turn();
    assert.deepEqual(new Set(requests.map(({ end }) => end())), new Set(['t1.c.1']));
    assert.equal(iam.exchanges.length, 1);
  });

  describe('that is stopped', () => {
    it('rejects waiting requests and cancels its exchange', async () => {
      iam.respond = null;
      profile.setCredential(source(), null);
      const all = [token(), refresh(), token()];
      await turn();
      profile.stop();
      await turn();
      assert.deepEqual(
        all.map(({ end }) => end()),
        Array(3).fill('unavailable'),
      );
      assert.equal(iam.exchanges[0]?.signal.aborted, true);
    });

    it('does nothing more', async () => {
      profile.setCredential(source(), null);
      await turn();
      profile.stop();
      const before = [iam.exchanges.length, persistedTokens.length, announced.length];
      profile.beginLoading();
      profile.setCredential(source(), null);
      profile.completeLogin(
        source('new'),
        { value: new Secret('t1.login'), expiresAtMs: clock.now().wallMs + tokenLifetimeMs, subject: 's' },
        clock.now(),
      );
      clock.advance(24 * hourMs);
      clock.jump(24 * hourMs);
      await turn();
      assert.deepEqual([iam.exchanges.length, persistedTokens.length, announced.length], before);
      assert.equal(await rejectionCode(), 'unavailable');
    });

    it('ignores a late outcome', async () => {
      iam.respond = null;
      iam.honorsAbort = false;
      profile.setCredential(source(), null);
      await turn();
      profile.stop();
      iam.exchanges[0]?.succeed();
      await turn();
      assert.deepEqual([persistedTokens, announced], [[], []]);
    });
  });
});
