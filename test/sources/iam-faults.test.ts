import assert from 'node:assert/strict';
import { undiciHttp } from '../../src/adapters/undici-http.ts';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import type { Fault } from '../../src/emulator/faults.ts';
import { Secret } from '../../src/shared/secret.ts';
import { oauthKind } from '../../src/sources/oauth.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../../src/token/ports.ts';
import { sourceTools } from '../support/source-tools.ts';
import { type TestClock, testClock } from '../support/test-clock.ts';

/** The whole way of an exchange: the OAuth source, undici and an IAM service in which something is wrong. */
describe('an exchange with the emulator', () => {
  const subject = 'ajetest0000000000001';
  const oauthToken = 'y0_known-oauth-token';
  const exchangeCall = 'POST /iam/v1/tokens';
  const http = undiciHttp({ proxy: null, noProxy: [], certificates: null });
  let clock: TestClock;
  let emulator: Emulator;

  before(async () => {
    clock = testClock();
    emulator = await startEmulator({ clock, oauthAccounts: [{ token: oauthToken, subject }] });
  });
  after(() => emulator.close());

  function exchange(signal = new AbortController().signal): Promise<ExchangeOutcome> {
    const installation = { endpoint: emulator.url, audience: 'unused' };
    return oauthKind
      .open(new Secret(oauthToken), installation, sourceTools({ http, clock }))
      .exchange(signal, false);
  }

  it('gives a token with its expiry, its subject and the time at the service', async () => {
    const outcome = await exchange();
    assert.ok(outcome.ok);
    const { token, ...rest } = outcome.exchanged;
    assert.match(token.expose(), /^t1\./);
    const { wallMs } = clock.now();
    assert.deepEqual(rest, { expiresAtMs: wallMs + 12 * 60 * 60_000, subject, serverTimeMs: wallMs });
  });

  const changed = (fields: Readonly<Record<string, string | null>>): Fault => ({ kind: 'changed', fields });
  const rows: readonly (readonly [Fault, ExchangeFailure['kind'], RegExp])[] = [
    [
      { kind: 'unavailable' },
      'transient',
      /^IAM answered 503 with code 14: upstream .* \(request [\w-]{36}\)$/,
    ],
    [{ kind: 'too_many_requests' }, 'transient', /^IAM answered 429 with code 8/],
    [{ kind: 'cut' }, 'transient', /^IAM cannot be reached: the connection to 127\.0\.0\.1:\d+ was cut off$/],
    [{ kind: 'empty' }, 'transient', /^IAM answered 200 with an empty body$/],
    [{ kind: 'huge' }, 'transient', /^IAM cannot be reached: the answer of .* is larger than 256 KiB$/],
    [{ kind: 'junk' }, 'transient', /no JSON object$/],
    [{ kind: 'array' }, 'transient', /no JSON object$/],
    [{ kind: 'html' }, 'transient', /^IAM answered 403 with a web page/],
    [{ kind: 'redirect' }, 'transient', /^IAM answered 302 with a redirect/],
    [changed({ iamToken: null }), 'transient', /holds no token$/],
    [changed({ iamToken: 't1.line\r\nbreak.x' }), 'transient', /characters that no token has$/],
    [changed({ expiresAt: '2026-11-24T11:59:00Z' }), 'transient', /^IAM gave a token that expired at /],
    [changed({ expiresAt: '2126-11-24T12:00:00Z' }), 'transient', /longer than any token lives$/],
    [changed({ expiresAt: 'in a while' }), 'transient', /in no readable way when the token expires$/],
    [changed({ expiresAt: '2026-11-24T13:00:00' }), 'transient', /when the token expires: '2026-/],
    [changed({ expiresAt: null }), 'transient', /does not say when the token expires$/],
    [{ kind: 'status', code: 16, message: 'no', httpStatus: 200 }, 'terminal', /^IAM refused with code 16/],
    [
      { kind: 'status', code: 13, message: 'no', httpStatus: 200 },
      'transient',
      /^IAM answered 200 with code 13/,
    ],
    [{ kind: 'status', code: 7, message: 'no role' }, 'terminal', /^IAM refused with code 7: no role/],
    [{ kind: 'status', code: 16, message: 'no', httpStatus: 503 }, 'terminal', /^IAM refused with code 16/],
    [{ kind: 'status', code: 5, message: 'gone' }, 'transient', /^IAM answered 404 with code 5: gone/],
  ];
  for (const [fault, kind, message] of rows) {
    it(`fails under ${JSON.stringify(fault)}: ${kind}`, async () => {
      emulator.setFault(fault, 1);
      const outcome = await exchange();
      assert.ok(!outcome.ok);
      assert.equal(outcome.failure.kind, kind);
      assert.match(outcome.failure.message, message);
      assert.equal(outcome.failure.retryAfterMs, fault.kind === 'too_many_requests' ? 30_000 : undefined);
      assert.ok((await exchange()).ok);
    });
  }

  it('fails in the same way when the connection is reset at any byte of the answer', async () => {
    let outcome: ExchangeOutcome | undefined;
    let atByte = 0;
    while (atByte < 2_000) {
      emulator.setFault({ kind: 'cut', atByte, of: 'answer' }, 1);
      outcome = await exchange();
      if (outcome.ok) break;
      assert.equal(outcome.failure.kind, 'transient', `at byte ${atByte}`);
      assert.match(outcome.failure.message, /was cut off$/, `at byte ${atByte}`);
      atByte += 1;
    }
    assert.ok(outcome?.ok === true && atByte > 300, `whole after ${atByte} bytes`);
  });

  for (const kind of ['hang', 'hang_in_body'] as const) {
    it(`ends at its deadline under ${kind}`, async () => {
      emulator.setFault({ kind }, 1);
      const before = emulator.count(exchangeCall);
      const outcome = exchange();
      while (emulator.count(exchangeCall) === before) await new Promise(setImmediate);
      clock.advance(8_000);
      assert.deepEqual(await outcome, {
        ok: false,
        failure: { kind: 'transient', message: 'IAM did not answer within 8 s' },
      });
    });
  }

  it('ends when it is given up', async () => {
    emulator.setFault({ kind: 'hang' }, 1);
    const before = emulator.count(exchangeCall);
    const controller = new AbortController();
    const outcome = exchange(controller.signal);
    while (emulator.count(exchangeCall) === before) await new Promise(setImmediate);
    controller.abort();
    assert.deepEqual(await outcome, {
      ok: false,
      failure: { kind: 'transient', message: 'the request to IAM was given up' },
    });
  });
});
