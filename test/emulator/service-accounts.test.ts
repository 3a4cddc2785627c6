import assert from 'node:assert/strict';
import { constants, createPrivateKey, sign } from 'node:crypto';
import { type Emulator, startEmulator } from './emulator.ts';
import { subjectOf } from '../../src/sources/exchange/token-subject.ts';
import { type TestClock, createTestClock } from '../support/time/test-clock.ts';
import { getTestKey } from '../support/iam/test-keys.ts';

interface EmulatorResponse {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const key = getTestKey();
const person = 'ajeperson00000000001';
const oauthToken = 'y0_person';

describe('emulator, service accounts', () => {
  let clock: TestClock;
  let emulator: Emulator;

  beforeEach(async () => {
    clock = createTestClock();
    emulator = await startEmulator({ clock, oauthAccounts: [{ token: oauthToken, subject: person }] });
    emulator.allowKey(key);
  });
  afterEach(() => emulator.close());

  async function post(path: string, body: object, bearer?: string): Promise<EmulatorResponse> {
    const response = await fetch(emulator.url + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as EmulatorResponse['body'] };
  }

  async function exchangeToken(body: object): Promise<string> {
    return String((await post('/iam/v1/tokens', body)).body['iamToken']);
  }

  const encodePart = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  function jwt(
    change: { header?: object; claims?: object; saltLength?: number; privateKey?: string } = {},
  ): string {
    const nowSeconds = clock.now().wallMs / 1_000;
    const header = { typ: 'JWT', alg: 'PS256', kid: key.id, ...change.header };
    const audience = `${emulator.url}/iam/v1/tokens`;
    const claims = {
      iss: key.serviceAccountId,
      aud: audience,
      iat: nowSeconds,
      exp: nowSeconds + 3_600,
      ...change.claims,
    };
    const signingInput = `${encodePart(header)}.${encodePart(claims)}`;
    const signature = sign('sha256', Buffer.from(signingInput), {
      key: createPrivateKey(change.privateKey ?? key.privateKey),
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: change.saltLength ?? 32,
    });
    return `${signingInput}.${signature.toString('base64url')}`;
  }

  it('returns a token for a JWT signed by an authorized key', async () => {
    assert.equal(subjectOf(await exchangeToken({ jwt: jwt() })), key.serviceAccountId);
  });

  const nowSeconds = Date.UTC(2026, 10, 24, 12) / 1_000;
  const rows: readonly (readonly [string, () => string, RegExp])[] = [
    ['that cannot be parsed', () => 'junk', /cannot be parsed/],
    ['without its signature', () => jwt().split('.').slice(0, 2).join('.'), /cannot be parsed/],
    [
      'without the id of its key',
      () => jwt({ header: { kid: undefined } }),
      /^The required field 'kid' is missing/,
    ],
    ['with another algorithm', () => jwt({ header: { alg: 'RS256' } }), /PS256/],
    ['with the algorithm none', () => jwt({ header: { alg: 'none' } }), /PS256/],
    ['with an unknown key', () => jwt({ header: { kid: 'ajeother' } }), /not found/],
    ['signed by another key', () => jwt({ privateKey: getTestKey(4096).privateKey }), /signature/],
    ['with a salt of 20 bytes', () => jwt({ saltLength: 20 }), /signature/],
    ['with the longest salt, the default of Node', () => jwt({ saltLength: 222 }), /signature/],
    ['of another service account', () => jwt({ claims: { iss: person } }), /iss/],
    ['for another installation', () => jwt({ claims: { aud: 'https://iam.api.yandexcloud.kz' } }), /aud/],
    ['from the future', () => jwt({ claims: { iat: nowSeconds + 60 } }), /future/],
    ['that has expired', () => jwt({ claims: { iat: nowSeconds - 600, exp: nowSeconds } }), /expired/],
    [
      'with a lifetime of over an hour',
      () => jwt({ claims: { exp: nowSeconds + 3_601 } }),
      /longer than an hour/,
    ],
    ['with a textual date', () => jwt({ claims: { exp: '2026-11-25' } }), /whole seconds/],
  ];
  for (const [name, createInvalidJwt, message] of rows) {
    it(`rejects a JWT ${name}`, async () => {
      const { status, body } = await post('/iam/v1/tokens', { jwt: createInvalidJwt() });
      assert.deepEqual([status, body['code']], [401, 16]);
      assert.match(String(body['message']), message);
    });
  }

  it('rejects a deleted key', async () => {
    emulator.deleteKey(key.id);
    assert.equal((await post('/iam/v1/tokens', { jwt: jwt() })).status, 401);
  });

  describe('impersonation', () => {
    const path = '/iam/v1/tokens:createForServiceAccount';
    const serviceAccountId = key.serviceAccountId;

    it('returns a token to a subject with the role', async () => {
      emulator.allowImpersonation(person, serviceAccountId);
      const token = await exchangeToken({ yandexPassportOauthToken: oauthToken });
      const { status, body } = await post(path, { serviceAccountId }, token);
      assert.equal(status, 200);
      assert.equal(subjectOf(String(body['iamToken'])), serviceAccountId);
    });

    it('rejects every other request', async () => {
      const token = await exchangeToken({ yandexPassportOauthToken: oauthToken });
      const responses = [
        await post(path, { serviceAccountId }, token),
        await post(path, { serviceAccountId }),
        await post(path, { serviceAccountId }, 't1.a.b'),
        await post(path, {}, token),
        await post(path, { serviceAccountId: 'a'.repeat(51) }, token),
        await post(path, { serviceAccountId, x: 1 }, token),
      ];
      assert.deepEqual(
        responses.map(({ body }) => body['code']),
        [7, 16, 16, 3, 3, 3],
      );
    });
  });

  describe('revocation', () => {
    const path = '/iam/v1/tokens:revoke';

    it('revokes a token for its own subject', async () => {
      const iamToken = await exchangeToken({ yandexPassportOauthToken: oauthToken });
      assert.deepEqual((await post(path, { iamToken }, iamToken)).body, { subjectId: person });
      assert.equal((await post(path, { iamToken }, iamToken)).status, 401);
    });

    it('rejects every other request', async () => {
      const iamToken = await exchangeToken({ yandexPassportOauthToken: oauthToken });
      const other = await exchangeToken({ jwt: jwt() });
      const responses = [
        await post(path, { iamToken }),
        await post(path, { iamToken }, other),
        await post(path, { iamToken: 't1.a.b' }, other),
        await post(path, {}, other),
      ];
      assert.deepEqual(
        responses.map(({ body }) => body['code']),
        [16, 7, 3, 3],
      );
    });
  });

  describe('metadata service', () => {
    const sendRequest = (headers: Readonly<Record<string, string>>): Promise<Response> =>
      fetch(`${emulator.url}/computeMetadata/v1/instance/service-accounts/default/token`, { headers });

    it('returns a token of the attached account, and its lifetime', async () => {
      emulator.attachServiceAccount(key.serviceAccountId);
      const fetchToken = async () =>
        (await (await sendRequest({ 'metadata-flavor': 'Google' })).json()) as Readonly<
          Record<string, unknown>
        >;
      const first = await fetchToken();
      assert.equal(subjectOf(String(first['access_token'])), key.serviceAccountId);
      assert.deepEqual([first['expires_in'], first['token_type']], [43_200, 'Bearer']);
      emulator.lifetimeMs = 3_999;
      assert.equal((await fetchToken())['expires_in'], 3, 'whole seconds');
    });

    it('rejects requests without an attached account or without its header', async () => {
      assert.equal((await sendRequest({ 'metadata-flavor': 'Google' })).status, 404);
      emulator.attachServiceAccount(key.serviceAccountId);
      assert.equal((await sendRequest({})).status, 403);
    });
  });
});
