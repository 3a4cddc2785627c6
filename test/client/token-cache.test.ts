import assert from 'node:assert/strict';
import { IamTokenError, type IamTokenErrorCode } from '../../src/client/iam-token-error.ts';
import { type IamTokenCache, tokenCache } from '../../src/client/token-cache.ts';
import type { TokenAnswer } from '../../src/protocol/messages.ts';

const startMs = Date.parse('2026-11-24T10:00:00.000Z');

describe('a cache of tokens', () => {
  let wallMs: number;
  let monotonicMs: number;
  let asked: number;
  /** What the daemon says next; the token's name is how often it was asked. */
  let lifeMs: number;
  let clockOffsetMs: number;
  let refusal: IamTokenErrorCode | null;
  let hold: Promise<void>;

  const ask = async (): Promise<TokenAnswer> => {
    asked += 1;
    const token = `t1.${asked}`;
    await hold;
    if (refusal !== null) throw new IamTokenError(refusal, 'no token');
    const expiresAt = new Date(wallMs + clockOffsetMs + lifeMs).toISOString();
    return { token, expiresAt, clockOffsetMs, profile: 'work', subject: null };
  };
  const cacheOf = (minTtlMs = 0): IamTokenCache => tokenCache(ask, minTtlMs, () => ({ wallMs, monotonicMs }));
  const pass = (ms: number): void => {
    wallMs += ms;
    monotonicMs += ms;
  };

  beforeEach(() => {
    wallMs = startMs;
    monotonicMs = 0;
    asked = 0;
    lifeMs = 12 * 3_600_000;
    clockOffsetMs = 0;
    refusal = null;
    hold = Promise.resolve();
  });

  it('asks once for all who ask within five seconds', async () => {
    const tokens = cacheOf();
    assert.equal(await tokens.getToken(), 't1.1');
    pass(4_999);
    assert.equal(await tokens.getToken(), 't1.1');
    pass(1);
    assert.equal(await tokens.getToken(), 't1.2');
  });

  it('asks once for all who ask at the same time', async () => {
    const tokens = cacheOf();
    const answers = await Promise.all(Array.from({ length: 100 }, () => tokens.getToken()));
    assert.deepEqual(new Set(answers), new Set(['t1.1']));
    assert.equal(asked, 1);
  });

  it('gives no token out in its last 60 s', async () => {
    lifeMs = 62_000;
    const tokens = cacheOf();
    await tokens.getToken();
    pass(1_999);
    assert.equal(await tokens.getToken(), 't1.1');
    pass(1);
    assert.equal(await tokens.getToken(), 't1.2');
  });

  it('reads the end of a token by the clock of IAM, where ours is wrong', async () => {
    clockOffsetMs = 3_600_000;
    lifeMs = 62_000;
    const tokens = cacheOf();
    await tokens.getToken();
    pass(2_000);
    assert.equal(await tokens.getToken(), 't1.2');
  });

  it('gives no token out that lives shorter than was asked for', async () => {
    lifeMs = 600_001;
    const tokens = cacheOf(600_000);
    await tokens.getToken();
    pass(1);
    assert.equal(await tokens.getToken(), 't1.2');
  });

  it('asks anew after a sleep, and after the clock was set back', async () => {
    const tokens = cacheOf();
    await tokens.getToken();
    wallMs += 3_600_000;
    assert.equal(await tokens.getToken(), 't1.2');
    wallMs -= 1;
    assert.equal(await tokens.getToken(), 't1.3');
  });

  it('asks anew for a token that somebody refused, and for no other', async () => {
    const tokens = cacheOf();
    await tokens.getToken();
    tokens.drop('t1.0');
    assert.equal(await tokens.getToken(), 't1.1');
    tokens.drop('t1.1');
    assert.equal(await tokens.getToken(), 't1.2');
  });

  for (const code of ['unreachable', 'unavailable', 'too_busy'] as const) {
    it(`gives the token in hand out to its last 60 s while the daemon is ${code}`, async () => {
      const tokens = cacheOf();
      await tokens.getToken();
      refusal = code;
      pass(lifeMs - 60_001);
      assert.equal(await tokens.getToken(), 't1.1');
      pass(1);
      await assert.rejects(tokens.getToken(), { code });
      refusal = null;
      assert.equal(await tokens.getToken(), 't1.4');
    });
  }

  for (const code of ['locked', 'login_required', 'unknown_profile', 'keychain_locked'] as const) {
    it(`forgets the token where the daemon says ${code}`, async () => {
      const tokens = cacheOf();
      await tokens.getToken();
      refusal = code;
      pass(5_000);
      await assert.rejects(tokens.getToken(), { code });
      refusal = 'unreachable';
      await assert.rejects(tokens.getToken(), { code: 'unreachable' });
    });
  }

  it('lets one give up, and goes on for the others', async () => {
    let release = (): void => {};
    hold = new Promise((resolve) => {
      release = resolve;
    });
    const tokens = cacheOf();
    const hasty = new AbortController();
    const [given, waited] = [tokens.get(hasty.signal), tokens.get()];
    hasty.abort(new Error('enough'));
    await assert.rejects(given, { message: 'enough' });
    await assert.rejects(tokens.get(hasty.signal), { message: 'enough' });
    release();
    assert.equal((await waited).token, 't1.1');
    assert.equal(asked, 1);
  });
});
