import assert from 'node:assert/strict';
import { Secret } from '../../src/shared/secret.ts';
import { createToken } from '../../src/sources/iam-api.ts';
import type { ExchangeOutcome } from '../../src/token/ports.ts';
import {
  credential,
  date,
  exchange,
  failureOf,
  installation,
  later,
  never,
  nowMs,
  rpcStatus,
  token,
} from '../support/iam-answers.ts';
import { scriptedHttp } from '../support/scripted-http.ts';
import { sourceTools } from '../support/source-tools.ts';
import { type TestClock, testClock } from '../support/test-clock.ts';

describe('the IAM API', () => {
  it('is asked for a token as the documentation says', async () => {
    const http = scriptedHttp(token(later));
    const tools = sourceTools({ http, clock: testClock(nowMs) });
    for (const field of ['yandexPassportOauthToken', 'jwt'] as const) {
      await createToken({ field, secret: new Secret('proof') }, installation, never, tools);
    }
    assert.deepEqual(
      http.asked.map(({ method, url, headers, body }) => [method, url, headers['content-type'], body]),
      [
        [
          'POST',
          'https://iam.test/iam/v1/tokens',
          'application/json',
          '{"yandexPassportOauthToken":"proof"}',
        ],
        ['POST', 'https://iam.test/iam/v1/tokens', 'application/json', '{"jwt":"proof"}'],
      ],
    );
  });

  describe('gives a token', () => {
    const expiries: readonly (readonly [string, string])[] = [
      ['2026-11-24T20:00:00Z', '2026-11-24T20:00:00.000Z'],
      ['2026-11-24T20:00:00.5Z', '2026-11-24T20:00:00.500Z'],
      ['2026-11-24T20:00:00.03Z', '2026-11-24T20:00:00.030Z'],
      ['2026-11-24T20:00:00.035Z', '2026-11-24T20:00:00.035Z'],
      ['2026-11-24T20:00:00.0359Z', '2026-11-24T20:00:00.035Z'],
      ['2026-11-24T20:00:00.035215Z', '2026-11-24T20:00:00.035Z'],
      ['2026-11-24T20:00:00.035215444Z', '2026-11-24T20:00:00.035Z'],
      ['2026-11-24T23:00:00.035215444+03:00', '2026-11-24T20:00:00.035Z'],
      ['2026-11-24t12:30:00-07:30', '2026-11-24T20:00:00.000Z'],
    ];
    for (const [expiresAt, meant] of expiries) {
      it(`that expires at ${expiresAt}`, async () => {
        const outcome = await exchange(token(expiresAt));
        assert.ok(outcome.ok);
        assert.equal(new Date(outcome.exchanged.expiresAtMs).toISOString(), meant);
      });
    }

    it('whatever it begins with, up to 4,096 characters', async () => {
      for (const value of ['t2.payload.signature', 'x', 'a'.repeat(4_096)]) {
        const outcome = await exchange(token(later, value));
        assert.ok(outcome.ok);
        assert.equal(outcome.exchanged.token.expose(), value);
      }
    });

    it('with the time at the service, where its answer has it', async () => {
      const told = await exchange({ ...token(later), headers: new Map([['date', date]]) });
      assert.ok(told.ok && told.exchanged.serverTimeMs === nowMs);
      for (const headers of [new Map<string, string>(), new Map([['date', '24.11.2026']])]) {
        const untold = await exchange({ ...token(later), headers });
        assert.ok(untold.ok && !('serverTimeMs' in untold.exchanged));
      }
    });

    it('whose expiry it judges by the clock of the service', async () => {
      const headers = new Map([['date', 'Mon, 24 Nov 2036 12:00:00 GMT']]);
      assert.ok((await exchange({ ...token('2036-11-24T20:00:00Z'), headers })).ok);
      assert.ok(!(await exchange({ ...token(later), headers })).ok);
    });
  });

  describe('says how long to wait', () => {
    const rows: readonly (readonly [string, number | undefined])[] = [
      ['0', 0],
      ['30', 30_000],
      ['1000000000', 1e12],
      ['Tue, 24 Nov 2026 12:00:20 GMT', 20_000],
      ['Tue, 24 Nov 2026 11:00:00 GMT', undefined],
      ['-1', undefined],
      ['1e9', undefined],
      ['1.5', undefined],
      ['soon', undefined],
      ['', undefined],
    ];
    for (const [value, expected] of rows) {
      it(`by Retry-After: ${value}`, async () => {
        const headers = new Map([['retry-after', value]]);
        for (const body of ['{"code":8,"message":"many"}', 'a page']) {
          assert.equal((await failureOf({ status: 429, headers, body })).retryAfterMs, expected);
        }
      });
    }

    it('by a date, counted from the clock of the service', async () => {
      const headers = new Map([
        ['date', 'Tue, 24 Nov 2026 15:00:00 GMT'],
        ['retry-after', 'Tue, 24 Nov 2026 15:00:20 GMT'],
      ]);
      assert.equal((await failureOf({ status: 503, headers, body: '' })).retryAfterMs, 20_000);
    });

    it('and not with a refusal, which waiting does not mend', async () => {
      const headers = new Map([['retry-after', '30']]);
      assert.ok(!('retryAfterMs' in (await failureOf({ ...rpcStatus(16, 'no', 401), headers }))));
    });
  });

  it('tells the time of an error of its own, and not that of another who answers in its place', async () => {
    const headers = new Map([['date', date]]);
    assert.equal((await failureOf({ ...rpcStatus(16, 'no', 401), headers })).serverTimeMs, nowMs);
    assert.equal((await failureOf({ ...rpcStatus(14, 'no', 503), headers })).serverTimeMs, nowMs);
    assert.ok(!('serverTimeMs' in (await failureOf({ status: 403, body: '<html>', headers }))));
  });

  describe('is given up', () => {
    const start = (): {
      outcome: Promise<ExchangeOutcome>;
      clock: TestClock;
      controller: AbortController;
    } => {
      const clock = testClock(nowMs);
      const controller = new AbortController();
      const proof = { field: 'jwt', secret: new Secret(credential) } as const;
      const tools = sourceTools({ http: scriptedHttp('hang'), clock });
      return { outcome: createToken(proof, installation, controller.signal, tools), clock, controller };
    };

    it('at the deadline, and says how long that was', async () => {
      const { outcome, clock } = start();
      clock.advance(8_000);
      assert.deepEqual(await outcome, {
        ok: false,
        failure: { kind: 'transient', message: 'IAM did not answer within 8 s' },
      });
    });

    it('not before', async () => {
      const { outcome, clock, controller } = start();
      clock.advance(7_999);
      controller.abort();
      assert.deepEqual(await outcome, {
        ok: false,
        failure: { kind: 'transient', message: 'the request to IAM was given up' },
      });
    });
  });

  it('does not hide what is a fault of this program', async () => {
    const http = { send: () => Promise.reject(new TypeError('a bug')) };
    const tools = sourceTools({ http, clock: testClock(nowMs) });
    const proof = { field: 'jwt', secret: new Secret(credential) } as const;
    await assert.rejects(createToken(proof, installation, never, tools), /a bug/);
  });
});
