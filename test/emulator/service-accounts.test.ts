import assert from 'node:assert/strict';
import { constants, createPrivateKey, sign } from 'node:crypto';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { subjectOf } from '../../src/sources/token-subject.ts';
import { type TestClock, testClock } from '../support/test-clock.ts';
import { testKey } from '../support/test-keys.ts';

interface Answered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const key = testKey();
const person = 'ajeperson00000000001';
const oauthToken = 'y0_person';

describe('the emulator, for service accounts', () => {
  let clock: TestClock;
  let emulator: Emulator;

  beforeEach(async () => {
    clock = testClock();
    emulator = await startEmulator({ clock, oauthAccounts: [{ token: oauthToken, subject: person }] });
    emulator.allowKey(key);
  });
  afterEach(() => emulator.close());

  async function post(path: string, body: object, bearer?: string): Promise<Answered> {
    const response = await fetch(emulator.url + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Answered['body'] };
  }

  async function tokenOf(body: object): Promise<string> {
    return String((await post('/iam/v1/tokens', body)).body['iamToken']);
  }

  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  function jwt(
    change: { header?: object; claims?: object; saltLength?: number; privateKey?: string } = {},
  ): string {
    const now = clock.now().wallMs / 1_000;
    const header = { typ: 'JWT', alg: 'PS256', kid: key.id, ...change.header };
    const audience = `${emulator.url}/iam/v1/tokens`;
    const claims = { iss: key.serviceAccountId, aud: audience, iat: now, exp: now + 3_600, ...change.claims };
    const signed = `${part(header)}.${part(claims)}`;
    const signature = sign('sha256', Buffer.from(signed), {
      key: createPrivateKey(change.privateKey ?? key.privateKey),
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: change.saltLength ?? 32,
    });
    return `${signed}.${signature.toString('base64url')}`;
  }

  it('gives a token for a JWT that an authorized key signed', async () => {
    assert.equal(subjectOf(await tokenOf({ jwt: jwt() })), key.serviceAccountId);
  });

  const now = Date.UTC(2026, 10, 24, 12) / 1_000;
  const rows: readonly (readonly [string, () => string, RegExp])[] = [
    ['what is none', () => 'junk', /cannot be parsed/],
    ['one without its signature', () => jwt().split('.').slice(0, 2).join('.'), /cannot be parsed/],
    [
      'one without the id of its key',
      () => jwt({ header: { kid: undefined } }),
      /^The required field 'kid' is missing/,
    ],
    ['one of another algorithm', () => jwt({ header: { alg: 'RS256' } }), /PS256/],
    ['one of no algorithm', () => jwt({ header: { alg: 'none' } }), /PS256/],
    ['one of an unknown key', () => jwt({ header: { kid: 'ajeother' } }), /not found/],
    ['one that another key signed', () => jwt({ privateKey: testKey(4096).privateKey }), /signature/],
    ['one with a salt of 20 bytes', () => jwt({ saltLength: 20 }), /signature/],
    ['one with the longest salt, as Node has it', () => jwt({ saltLength: 222 }), /signature/],
    ['one of another account', () => jwt({ claims: { iss: person } }), /iss/],
    ['one for another installation', () => jwt({ claims: { aud: 'https://iam.api.yandexcloud.kz' } }), /aud/],
    ['one of the future', () => jwt({ claims: { iat: now + 60 } }), /future/],
    ['one that has expired', () => jwt({ claims: { iat: now - 600, exp: now } }), /expired/],
    ['one that lives for over an hour', () => jwt({ claims: { exp: now + 3_601 } }), /longer than an hour/],
    ['one with a date', () => jwt({ claims: { exp: '2026-11-25' } }), /whole seconds/],
  ];
  for (const [name, made, message] of rows) {
    it(`refuses ${name}`, async () => {
      const { status, body } = await post('/iam/v1/tokens', { jwt: made() });
      assert.deepEqual([status, body['code']], [401, 16]);
      assert.match(String(body['message']), message);
    });
  }

  it('refuses a key that was deleted', async () => {
    emulator.deleteKey(key.id);
    assert.equal((await post('/iam/v1/tokens', { jwt: jwt() })).status, 401);
  });

  describe('lets somebody act as a service account', () => {
    const path = '/iam/v1/tokens:createForServiceAccount';
    const serviceAccountId = key.serviceAccountId;

    it('who has the role for it', async () => {
      emulator.allowActingAs(person, serviceAccountId);
      const token = await tokenOf({ yandexPassportOauthToken: oauthToken });
      const { status, body } = await post(path, { serviceAccountId }, token);
      assert.equal(status, 200);
      assert.equal(subjectOf(String(body['iamToken'])), serviceAccountId);
    });

    it('and nobody else', async () => {
      const token = await tokenOf({ yandexPassportOauthToken: oauthToken });
      const answers = [
        await post(path, { serviceAccountId }, token),
        await post(path, { serviceAccountId }),
        await post(path, { serviceAccountId }, 't1.a.b'),
        await post(path, {}, token),
        await post(path, { serviceAccountId: 'a'.repeat(51) }, token),
        await post(path, { serviceAccountId, x: 1 }, token),
      ];
      assert.deepEqual(
        answers.map(({ body }) => body['code']),
        [7, 16, 16, 3, 3, 3],
      );
    });
  });

  describe('revokes an IAM token', () => {
    const path = '/iam/v1/tokens:revoke';

    it('for its own subject', async () => {
      const iamToken = await tokenOf({ yandexPassportOauthToken: oauthToken });
      assert.deepEqual((await post(path, { iamToken }, iamToken)).body, { subjectId: person });
      assert.equal((await post(path, { iamToken }, iamToken)).status, 401);
    });

    it('and for nobody else', async () => {
      const iamToken = await tokenOf({ yandexPassportOauthToken: oauthToken });
      const other = await tokenOf({ jwt: jwt() });
      const answers = [
        await post(path, { iamToken }),
        await post(path, { iamToken }, other),
        await post(path, { iamToken: 't1.a.b' }, other),
        await post(path, {}, other),
      ];
      assert.deepEqual(
        answers.map(({ body }) => body['code']),
        [16, 7, 3, 3],
      );
    });
  });

  describe('is the metadata service of a VM', () => {
    const ask = (headers: Readonly<Record<string, string>>): Promise<Response> =>
      fetch(`${emulator.url}/computeMetadata/v1/instance/service-accounts/default/token`, { headers });

    it('that gives a token of the account that is attached, and how long it lives', async () => {
      emulator.attachServiceAccount(key.serviceAccountId);
      const answer = async () =>
        (await (await ask({ 'metadata-flavor': 'Google' })).json()) as Readonly<Record<string, unknown>>;
      const first = await answer();
      assert.equal(subjectOf(String(first['access_token'])), key.serviceAccountId);
      assert.deepEqual([first['expires_in'], first['token_type']], [43_200, 'Bearer']);
      emulator.lifetimeMs = 3_999;
      assert.equal((await answer())['expires_in'], 3, 'whole seconds');
    });

    it('that has nothing without an account, or for who does not send its header', async () => {
      assert.equal((await ask({ 'metadata-flavor': 'Google' })).status, 404);
      emulator.attachServiceAccount(key.serviceAccountId);
      assert.equal((await ask({})).status, 403);
    });
  });
});
