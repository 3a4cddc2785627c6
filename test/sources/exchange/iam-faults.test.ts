import assert from 'node:assert/strict';
import { createDirectHttpClient } from '../../support/network/http-client-fixture.ts';
import { type Emulator, startEmulator } from '../../emulator/emulator.ts';
import type { Fault } from '../../emulator/faults.ts';
import { Secret } from '../../../src/shared/secret.ts';
import { oauthKind } from '../../../src/sources/kinds/oauth.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../../../src/token/token-source.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { type TestClock, createTestClock } from '../../support/time/test-clock.ts';

/** A whole exchange: the OAuth source, undici, and an IAM service with a fault. */
describe('an exchange with the emulator', () => {
  const subject = 'ajetest0000000000001';
  const oauthToken = 'y0_known-oauth-token';
  const exchangeCall = 'POST /iam/v1/tokens';
  const http = createDirectHttpClient();
  let clock: TestClock;
  let emulator: Emulator;

  before(async () => {
    clock = createTestClock();
    emulator = await startEmulator({ clock, oauthAccounts: [{ token: oauthToken, subject }] });
  });
  after(() => emulator.close());

  function exchange(signal = new AbortController().signal): Promise<ExchangeOutcome<Secret>> {
    const installation = { endpoint: emulator.url, audience: 'unused' };
    return oauthKind
      .open(new Secret(oauthToken), installation, createSourceTools({ http, clock }))
      .exchange(signal, false);
  }

  it('returns a token with its expiry, its subject and the server time', async () => {
    const outcome = await exchange();
    assert.ok(outcome.ok);
    const { value: token, ...rest } = outcome.issuedToken;
    assert.match(token.expose(), /^t1\./);
    const { wallMs } = clock.now();
    assert.deepEqual(rest, { expiresAtMs: wallMs + 12 * 60 * 60_000, subject, serverTimeMs: wallMs });
  });

  const changeFields = (fields: Readonly<Record<string, string | null>>): Fault => ({
    kind: 'changed',
    fields,
  });
  const rows: readonly (readonly [Fault, ExchangeFailure['kind'], RegExp])[] = [
    [
      { kind: 'unavailable' },
      'transient',
      /^IAM returned HTTP 503 with code 14: upstream .* \(request [\w-]{36}\)$/,
    ],
    [{ kind: 'too_many_requests' }, 'transient', /^IAM returned HTTP 429 with code 8/],
    [{ kind: 'cut' }, 'transient', /^cannot reach IAM: 127\.0\.0\.1:\d+ closed the connection$/],
    [{ kind: 'empty' }, 'transient', /^unexpected response from IAM .*: HTTP 200 with an empty body$/],
    [{ kind: 'huge' }, 'transient', /^cannot reach IAM: the response of .* is larger than 256 KiB$/],
    [{ kind: 'junk' }, 'transient', /not a JSON object$/],
    [{ kind: 'array' }, 'transient', /not a JSON object$/],
    [{ kind: 'html' }, 'transient', /^unexpected response from IAM .*: HTTP 403 with a web page/],
    [{ kind: 'redirect' }, 'transient', /^unexpected response from IAM .*: HTTP 302 with a redirect/],
    [changeFields({ iamToken: null }), 'transient', /: no token$/],
    [changeFields({ iamToken: 't1.line\r\nbreak.x' }), 'transient', /invalid characters$/],
    [
      changeFields({ expiresAt: '2026-11-24T11:59:00Z' }),
      'transient',
      /^invalid response from IAM: the expiry .* is in the past$/,
    ],
    [changeFields({ expiresAt: '2126-11-24T12:00:00Z' }), 'transient', /too far in the future$/],
    [changeFields({ expiresAt: 'in a while' }), 'transient', /expiresAt is not an RFC 3339 timestamp$/],
    [
      changeFields({ expiresAt: '2026-11-24T13:00:00' }),
      'transient',
      /expiresAt '2026-.* is not an RFC 3339 timestamp$/,
    ],
    [changeFields({ expiresAt: null }), 'transient', /: no expiresAt$/],
    [
      { kind: 'status', code: 16, message: 'no', httpStatus: 200 },
      'terminal',
      /^IAM rejected the request with code 16/,
    ],
    [
      { kind: 'status', code: 13, message: 'no', httpStatus: 200 },
      'transient',
      /^IAM returned HTTP 200 with code 13/,
    ],
    [
      { kind: 'status', code: 7, message: 'no role' },
      'terminal',
      /^IAM rejected the request with code 7: no role/,
    ],
    [
      { kind: 'status', code: 16, message: 'no', httpStatus: 503 },
      'terminal',
      /^IAM rejected the request with code 16/,
    ],
    [{ kind: 'status', code: 5, message: 'gone' }, 'transient', /^IAM returned HTTP 404 with code 5: gone/],
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

  it('fails in the same way if the connection is reset at any byte of the response', async () => {
    let outcome: ExchangeOutcome<Secret> | undefined;
    let atByte = 0;
    while (atByte < 2_000) {
      emulator.setFault({ kind: 'cut', atByte, of: 'answer' }, 1);
      outcome = await exchange();
      if (outcome.ok) break;
      assert.equal(outcome.failure.kind, 'transient', `at byte ${atByte}`);
      assert.match(outcome.failure.message, /closed the connection$/, `at byte ${atByte}`);
      atByte += 1;
    }
    assert.ok(outcome?.ok === true && atByte > 300, `whole after ${atByte} bytes`);
  });

  for (const kind of ['hang', 'hang_in_body'] as const) {
    it(`ends at its timeout under ${kind}`, async () => {
      emulator.setFault({ kind }, 1);
      const before = emulator.countRequests(exchangeCall);
      const outcome = exchange();
      while (emulator.countRequests(exchangeCall) === before) await new Promise(setImmediate);
      clock.advance(8_000);
      assert.deepEqual(await outcome, {
        ok: false,
        failure: {
          kind: 'transient',
          message: `no response from IAM (${new URL(emulator.url).host}) within 8 s`,
        },
      });
    });
  }

  it('ends when it is aborted', async () => {
    emulator.setFault({ kind: 'hang' }, 1);
    const before = emulator.countRequests(exchangeCall);
    const controller = new AbortController();
    const outcome = exchange(controller.signal);
    while (emulator.countRequests(exchangeCall) === before) await new Promise(setImmediate);
    controller.abort();
    assert.deepEqual(await outcome, {
      ok: false,
      failure: { kind: 'transient', message: 'the request to IAM was cancelled' },
    });
  });
});
