import assert from 'node:assert/strict';
import { undiciHttp } from '../../src/adapters/undici-http.ts';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { Secret } from '../../src/shared/secret.ts';
import { ephemeralKeys } from '../../src/sources/impersonation.ts';
import { readKeysAnswer } from '../../src/sources/iam-token-answer.ts';
import { oauthKind } from '../../src/sources/oauth.ts';
import type { ExchangeOutcome } from '../../src/token/ports.ts';
import { sourceTools } from '../support/source-tools.ts';
import { testClock } from '../support/test-clock.ts';

const never = new AbortController().signal;
const hour = 60 * 60_000;

describe('keys of Object Storage', () => {
  const clock = testClock();
  const tools = sourceTools({ clock, http: undiciHttp({ proxy: null, noProxy: [], certificates: null }) });
  let emulator: Emulator;

  beforeEach(async () => {
    emulator = await startEmulator({ clock, oauthAccounts: [{ token: 'y0_person' }] });
  });
  afterEach(() => emulator.close());

  function exchange(credential = 'y0_person'): Promise<ExchangeOutcome> {
    const installation = { endpoint: emulator.url, audience: 'unused' };
    const own = oauthKind.open(new Secret(credential), installation, tools);
    return ephemeralKeys(own, installation, tools).exchange(never, false);
  }

  it('come by way of a token of the account, and live for twelve hours', async () => {
    const outcome = await exchange();
    assert.ok(outcome.ok);
    const { token, expiresAtMs, subject } = outcome.exchanged;
    const keys = JSON.parse(token.expose()) as Readonly<Record<string, string>>;
    assert.deepEqual(Object.keys(keys), ['accessKeyId', 'secretAccessKey', 'sessionToken']);
    assert.equal(subject, null);
    assert.equal(expiresAtMs, clock.now().wallMs + 12 * hour);
    assert.deepEqual(
      emulator.calls().map(({ method, path, status }) => `${method} ${path} ${status}`),
      ['POST /iam/v1/tokens 200', 'POST /iam/aws-compatibility/v1/ephemeralAccessKeys 200'],
    );
  });

  it('fail as the token does, and ask no further', async () => {
    const outcome = await exchange('y0_nobody');
    assert.ok(!outcome.ok && outcome.failure.kind === 'terminal');
    assert.equal(emulator.calls().length, 1);
  });

  it('are refused for good, or fail for now, by the word of IAM', async () => {
    const own = {
      exchange: async (): Promise<ExchangeOutcome> => ({
        ok: true,
        exchanged: { token: new Secret('t1.no.token'), expiresAtMs: 0, subject: null },
      }),
    };
    const installation = { endpoint: emulator.url, audience: 'unused' };
    const kindOf = async (): Promise<string> => {
      const outcome = await ephemeralKeys(own, installation, tools).exchange(never, false);
      return outcome.ok ? 'ok' : outcome.failure.kind;
    };
    assert.equal(await kindOf(), 'terminal');
    await emulator.close();
    assert.equal(await kindOf(), 'transient');
    emulator = await startEmulator({ clock });
  });

  const whole = { accessKeyId: 'a', secret: 's', sessionToken: 't', expiresAt: '2026-11-24T20:00:00Z' };
  const nowMs = Date.UTC(2026, 10, 24, 10);
  for (const [what, answer] of [
    ['a part is missing', { ...whole, secret: undefined }],
    ['a part is empty', { ...whole, sessionToken: '' }],
    ['a part is no text', { ...whole, accessKeyId: 7 }],
    ['a part has a line break', { ...whole, secret: 'a\nb' }],
    ['a part is very long', { ...whole, secret: 'x'.repeat(4_097) }],
    ['they have expired', { ...whole, expiresAt: '2026-11-24T09:00:00Z' }],
    ['they would live for a week', { ...whole, expiresAt: '2026-12-01T09:00:00Z' }],
    ['nobody says when they expire', { ...whole, expiresAt: 'soon' }],
  ] as const) {
    it(`are not believed when ${what}`, () => {
      const read = readKeysAnswer(answer, nowMs);
      assert.ok(!read.ok);
      assert.match(read.failure.message, /^IAM('s answer| gave)/);
    });
  }

  it('are believed when they are whole', () => {
    assert.ok(readKeysAnswer(whole, nowMs).ok);
  });
});
