import assert from 'node:assert/strict';
import { IamTokenError, type IamTokenErrorCode } from '../../src/shared/errors.ts';
import type { IamTokenCache } from '../../src/client/api-types.ts';
import { createTokenCache } from '../../src/client/token-cache.ts';
import type { TokenResult } from '../../src/protocol/method-types.ts';

const startMs = Date.parse('2026-11-24T10:00:00.000Z');

describe('the token cache', () => {
  let wallMs: number;
  let monotonicMs: number;
  let requestCount: number;
  /** The daemon's next response; each token is named after the number of requests. */
  let lifetimeMs: number;
  let clockOffsetMs: number;
  let errorCode: IamTokenErrorCode | null;
  let responseDelay: Promise<void>;

  const requestToken = async (): Promise<TokenResult> => {
    requestCount += 1;
    const token = `t1.${requestCount}`;
    await responseDelay;
    if (errorCode !== null) throw new IamTokenError({ code: errorCode, message: 'no token' });
    const expiresAt = new Date(wallMs + clockOffsetMs + lifetimeMs).toISOString();
    return { token, expiresAt, clockOffsetMs, profile: 'work', subject: null };
  };
  const createCache = (minTtlMs = 0): IamTokenCache =>
    createTokenCache(requestToken, minTtlMs, () => ({ wallMs, monotonicMs }));
  const advance = (ms: number): void => {
    wallMs += ms;
    monotonicMs += ms;
  };

  beforeEach(() => {
    wallMs = startMs;
    monotonicMs = 0;
    requestCount = 0;
    lifetimeMs = 12 * 3_600_000;
    clockOffsetMs = 0;
    errorCode = null;
    responseDelay = Promise.resolve();
  });

  it('requests a token at most once in five seconds', async () => {
    const tokens = createCache();
    assert.equal(await tokens.getToken(), 't1.1');
    advance(4_999);
    assert.equal(await tokens.getToken(), 't1.1');
    advance(1);
    assert.equal(await tokens.getToken(), 't1.2');
  });

  it('shares one request between concurrent callers', async () => {
    const tokens = createCache();
    const tokensReturned = await Promise.all(Array.from({ length: 100 }, () => tokens.getToken()));
    assert.deepEqual(new Set(tokensReturned), new Set(['t1.1']));
    assert.equal(requestCount, 1);
  });

  it('returns no token in its last 60 s', async () => {
    lifetimeMs = 62_000;
    const tokens = createCache();
    await tokens.getToken();
    advance(1_999);
    assert.equal(await tokens.getToken(), 't1.1');
    advance(1);
    assert.equal(await tokens.getToken(), 't1.2');
  });

  it('corrects the expiry by the offset of the local clock', async () => {
    clockOffsetMs = 3_600_000;
    lifetimeMs = 62_000;
    const tokens = createCache();
    await tokens.getToken();
    advance(2_000);
    assert.equal(await tokens.getToken(), 't1.2');
  });

  it('returns no token whose remaining lifetime is below minTtlMs', async () => {
    lifetimeMs = 600_001;
    const tokens = createCache(600_000);
    await tokens.getToken();
    advance(1);
    assert.equal(await tokens.getToken(), 't1.2');
  });

  it('requests a token after the machine slept or the clock was set back', async () => {
    const tokens = createCache();
    await tokens.getToken();
    wallMs += 3_600_000;
    assert.equal(await tokens.getToken(), 't1.2');
    wallMs -= 1;
    assert.equal(await tokens.getToken(), 't1.3');
  });

  it('requests a token after the current one is dropped', async () => {
    const tokens = createCache();
    await tokens.getToken();
    tokens.drop('t1.0');
    assert.equal(await tokens.getToken(), 't1.1');
    tokens.drop('t1.1');
    assert.equal(await tokens.getToken(), 't1.2');
  });

  for (const code of ['unreachable', 'unavailable', 'too_busy'] as const) {
    it(`returns the cached token until its last 60 s while the daemon is ${code}`, async () => {
      const tokens = createCache();
      await tokens.getToken();
      errorCode = code;
      advance(lifetimeMs - 60_001);
      assert.equal(await tokens.getToken(), 't1.1');
      advance(1);
      await assert.rejects(tokens.getToken(), { code });
      errorCode = null;
      assert.equal(await tokens.getToken(), 't1.4');
    });
  }

  for (const code of ['locked', 'login_required', 'unknown_profile', 'keychain_locked'] as const) {
    it(`drops the cached token when the daemon returns ${code}`, async () => {
      const tokens = createCache();
      await tokens.getToken();
      errorCode = code;
      advance(5_000);
      await assert.rejects(tokens.getToken(), { code });
      errorCode = 'unreachable';
      await assert.rejects(tokens.getToken(), { code: 'unreachable' });
    });
  }

  it('cancels one caller without cancelling the shared request', async () => {
    let release = (): void => {};
    responseDelay = new Promise((resolve) => {
      release = resolve;
    });
    const tokens = createCache();
    const controller = new AbortController();
    const [abortedGet, pendingGet] = [tokens.get(controller.signal), tokens.get()];
    controller.abort(new Error('enough'));
    await assert.rejects(abortedGet, { message: 'enough' });
    await assert.rejects(tokens.get(controller.signal), { message: 'enough' });
    release();
    assert.equal((await pendingGet).token, 't1.1');
    assert.equal(requestCount, 1);
  });
});
