import assert from 'node:assert/strict';
import { Secret } from '../../../src/shared/secret.ts';
import { createToken } from '../../../src/sources/exchange/iam-api.ts';
import type { ExchangeOutcome } from '../../../src/token/token-source.ts';
import {
  credential,
  serverDate,
  runExchange,
  captureFailure,
  installation,
  futureExpiry,
  neverAborted,
  nowMs,
  createStatusResponse,
  createTokenResponse,
} from '../../support/iam/iam-responses.ts';
import { createScriptedHttp } from '../../support/iam/scripted-http.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { type TestClock, createTestClock } from '../../support/time/test-clock.ts';

describe('the IAM API', () => {
  it('receives the documented request for a token', async () => {
    const http = createScriptedHttp(createTokenResponse(futureExpiry));
    const tools = createSourceTools({ http, clock: createTestClock(nowMs) });
    for (const field of ['yandexPassportOauthToken', 'jwt'] as const) {
      await createToken({ field, secret: new Secret('proof') }, installation, neverAborted, tools);
    }
    assert.deepEqual(
      http.requests.map(({ method, url, headers, body }) => [method, url, headers['content-type'], body]),
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

  describe('returns a token', () => {
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
    for (const [expiresAt, expected] of expiries) {
      it(`that expires at ${expiresAt}`, async () => {
        const outcome = await runExchange(createTokenResponse(expiresAt));
        assert.ok(outcome.ok);
        assert.equal(new Date(outcome.issuedToken.expiresAtMs).toISOString(), expected);
      });
    }

    it('with any prefix and up to 4,096 characters', async () => {
      for (const value of ['t2.payload.signature', 'x', 'a'.repeat(4_096)]) {
        const outcome = await runExchange(createTokenResponse(futureExpiry, value));
        assert.ok(outcome.ok);
        assert.equal(outcome.issuedToken.value.expose(), value);
      }
    });

    it('with the server time if the response has a Date', async () => {
      const withDate = await runExchange({
        ...createTokenResponse(futureExpiry),
        headers: new Map([['date', serverDate]]),
      });
      assert.ok(withDate.ok && withDate.issuedToken.serverTimeMs === nowMs);
      for (const headers of [new Map<string, string>(), new Map([['date', '24.11.2026']])]) {
        const withoutDate = await runExchange({ ...createTokenResponse(futureExpiry), headers });
        assert.ok(withoutDate.ok && !('serverTimeMs' in withoutDate.issuedToken));
      }
    });

    it('whose expiry is checked against the server time', async () => {
      const headers = new Map([['date', 'Mon, 24 Nov 2036 12:00:00 GMT']]);
      assert.ok((await runExchange({ ...createTokenResponse('2036-11-24T20:00:00Z'), headers })).ok);
      assert.ok(!(await runExchange({ ...createTokenResponse(futureExpiry), headers })).ok);
    });
  });

  describe('sets the delay of the next attempt', () => {
    const rows: readonly (readonly [string, number | undefined])[] = [
      ['0', 0],
      ['30', 30_000],
      ['1000000000', 3_600_000],
      ['9'.repeat(400), 3_600_000],
      ['Fri, 31 Dec 2027 23:59:59 GMT', 3_600_000],
      ['Fri, 31 Dec 9999 23:59:59 GMT', undefined],
      ['Tue, 24 Nov 2026 12:00:20 GMT', 20_000],
      ['Tue, 24 Nov 2026 11:00:00 GMT', undefined],
      ['-1', undefined],
      ['1e9', undefined],
      ['1.5', undefined],
      ['soon', undefined],
      ['', undefined],
    ];
    for (const [value, expected] of rows) {
      it(`D9: by Retry-After: ${value}`, async () => {
        const headers = new Map([['retry-after', value]]);
        for (const body of ['{"code":8,"message":"many"}', 'a page']) {
          assert.equal((await captureFailure({ status: 429, headers, body })).retryAfterMs, expected);
        }
      });
    }

    it('by a date, relative to the server time', async () => {
      const headers = new Map([
        ['date', 'Tue, 24 Nov 2026 15:00:00 GMT'],
        ['retry-after', 'Tue, 24 Nov 2026 15:00:20 GMT'],
      ]);
      assert.equal((await captureFailure({ status: 503, headers, body: '' })).retryAfterMs, 20_000);
    });

    it('but not with a terminal failure', async () => {
      const headers = new Map([['retry-after', '30']]);
      assert.ok(
        !('retryAfterMs' in (await captureFailure({ ...createStatusResponse(16, 'no', 401), headers }))),
      );
    });
  });

  for (const date of ['Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT']) {
    it(`D9: ignores the implausible server time ${date}`, async () => {
      const headers = new Map([['date', date]]);
      assert.ok((await runExchange({ ...createTokenResponse(futureExpiry), headers })).ok);
      assert.equal(
        (await captureFailure({ ...createStatusResponse(14, 'no', 503), headers })).serverTimeMs,
        undefined,
      );
    });
  }

  it('adds the server time to its own errors, and not to responses of a proxy', async () => {
    const headers = new Map([['date', serverDate]]);
    assert.equal(
      (await captureFailure({ ...createStatusResponse(16, 'no', 401), headers })).serverTimeMs,
      nowMs,
    );
    assert.equal(
      (await captureFailure({ ...createStatusResponse(14, 'no', 503), headers })).serverTimeMs,
      nowMs,
    );
    assert.ok(!('serverTimeMs' in (await captureFailure({ status: 403, body: '<html>', headers }))));
  });

  describe('stops waiting', () => {
    const startExchange = (): {
      outcome: Promise<ExchangeOutcome<Secret>>;
      clock: TestClock;
      controller: AbortController;
    } => {
      const clock = createTestClock(nowMs);
      const controller = new AbortController();
      const exchangeCredential = { field: 'jwt', secret: new Secret(credential) } as const;
      const tools = createSourceTools({ http: createScriptedHttp('hang'), clock });
      return {
        outcome: createToken(exchangeCredential, installation, controller.signal, tools),
        clock,
        controller,
      };
    };

    it('at the timeout, which the message names', async () => {
      const { outcome, clock } = startExchange();
      clock.advance(8_000);
      assert.deepEqual(await outcome, {
        ok: false,
        failure: { kind: 'transient', message: 'no response from IAM (iam.test) within 8 s' },
      });
    });

    it('not before the timeout', async () => {
      const { outcome, clock, controller } = startExchange();
      clock.advance(7_999);
      controller.abort();
      assert.deepEqual(await outcome, {
        ok: false,
        failure: { kind: 'transient', message: 'the request to IAM was cancelled' },
      });
    });
  });

  it('does not hide a bug of this program', async () => {
    const http = { send: () => Promise.reject(new TypeError('a bug')) };
    const tools = createSourceTools({ http, clock: createTestClock(nowMs) });
    const exchangeCredential = { field: 'jwt', secret: new Secret(credential) } as const;
    await assert.rejects(createToken(exchangeCredential, installation, neverAborted, tools), /a bug/);
  });
});
