import assert from 'node:assert/strict';
import { createDirectHttpClient } from '../support/network/http-client-fixture.ts';
import { type Emulator, startEmulator } from '../emulator/emulator.ts';
import { Secret } from '../../src/shared/secret.ts';
import { createAwsKeySource } from '../../src/sources/derived-sources.ts';
import { type AwsKeys, parseAwsKeysResponse } from '../../src/sources/exchange/aws-keys.ts';
import { oauthKind } from '../../src/sources/kinds/oauth.ts';
import type { ExchangeOutcome, IamTokenSource } from '../../src/token/token-source.ts';
import { createSourceTools } from '../support/iam/source-tools.ts';
import { createTestClock } from '../support/time/test-clock.ts';

const never = new AbortController().signal;
const hourMs = 60 * 60_000;

describe('a source of AWS keys', () => {
  const clock = createTestClock();
  const tools = createSourceTools({
    clock,
    http: createDirectHttpClient(),
  });
  let emulator: Emulator;

  beforeEach(async () => {
    emulator = await startEmulator({ clock, oauthAccounts: [{ token: 'y0_person' }] });
  });
  afterEach(() => emulator.close());

  function exchange(credential = 'y0_person'): Promise<ExchangeOutcome<AwsKeys>> {
    const installation = { endpoint: emulator.url, audience: 'unused' };
    const baseSource = oauthKind.open(new Secret(credential), installation, tools);
    return createAwsKeySource(baseSource, installation, tools).exchange(never, false);
  }

  it('exchanges an IAM token of the account for keys that live for 12 hours', async () => {
    const outcome = await exchange();
    assert.ok(outcome.ok);
    const { value, expiresAtMs, subject } = outcome.issuedToken;
    assert.deepEqual(Object.keys(value), ['accessKeyId', 'secretAccessKey', 'sessionToken']);
    assert.equal(subject, null);
    assert.equal(expiresAtMs, clock.now().wallMs + 12 * hourMs);
    assert.deepEqual(
      emulator.listRequests().map(({ method, path, status }) => `${method} ${path} ${status}`),
      ['POST /iam/v1/tokens 200', 'POST /iam/aws-compatibility/v1/ephemeralAccessKeys 200'],
    );
  });

  it('hides the secret parts of the keys in JSON', async () => {
    const outcome = await exchange();
    assert.ok(outcome.ok);
    const { secretAccessKey, sessionToken } = outcome.issuedToken.value;
    const text = JSON.stringify(outcome);
    assert.ok(!text.includes(secretAccessKey.expose()) && !text.includes(sessionToken.expose()));
  });

  it('fails with the failure of the IAM token, without a second request', async () => {
    const outcome = await exchange('y0_unknown');
    assert.ok(!outcome.ok && outcome.failure.kind === 'terminal');
    assert.equal(emulator.listRequests().length, 1);
  });

  it('reports an error of IAM as terminal, and an unreachable IAM as transient', async () => {
    const baseSource: IamTokenSource = {
      exchange: async () => ({
        ok: true,
        issuedToken: { value: new Secret('t1.no.token'), expiresAtMs: 0, subject: null },
      }),
    };
    const installation = { endpoint: emulator.url, audience: 'unused' };
    const exchangeOutcomeKind = async (): Promise<string> => {
      const outcome = await createAwsKeySource(baseSource, installation, tools).exchange(never, false);
      return outcome.ok ? 'ok' : outcome.failure.kind;
    };
    assert.equal(await exchangeOutcomeKind(), 'terminal');
    await emulator.close();
    assert.equal(await exchangeOutcomeKind(), 'transient');
    emulator = await startEmulator({ clock });
  });
});

describe('a response with AWS keys', () => {
  const validBody = {
    accessKeyId: 'a',
    secret: 's',
    sessionToken: 't',
    expiresAt: '2026-11-24T20:00:00Z',
  };
  const nowMs = Date.UTC(2026, 10, 24, 10);

  it('is accepted if it is complete', () => {
    assert.ok(parseAwsKeysResponse(validBody, nowMs).ok);
  });

  for (const [caseName, body] of [
    ['a part is missing', { ...validBody, secret: undefined }],
    ['a part is empty', { ...validBody, sessionToken: '' }],
    ['a part is not a string', { ...validBody, accessKeyId: 7 }],
    ['a part contains a line break', { ...validBody, secret: 'a\nb' }],
    ['a part is too long', { ...validBody, secret: 'x'.repeat(4_097) }],
    ['the keys have expired', { ...validBody, expiresAt: '2026-11-24T09:00:00Z' }],
    ['the keys expire in a week', { ...validBody, expiresAt: '2026-12-01T09:00:00Z' }],
    ['the expiry is not a timestamp', { ...validBody, expiresAt: 'soon' }],
  ] as const) {
    it(`is rejected if ${caseName}`, () => {
      const outcome = parseAwsKeysResponse(body, nowMs);
      assert.ok(!outcome.ok);
      assert.match(outcome.failure.message, /^invalid response from IAM: /);
    });
  }
});
