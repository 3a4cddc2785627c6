import assert from 'node:assert/strict';
import { type Emulator, startEmulator } from './emulator.ts';
import { subjectOf } from '../../src/sources/exchange/token-subject.ts';
import { createFederation, issuer, createOidcToken } from '../support/iam/source-fixtures.ts';
import { createTestClock } from '../support/time/test-clock.ts';
import { getTestKey } from '../support/iam/test-keys.ts';

const { serviceAccountId } = getTestKey();
const validForm = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  audience: serviceAccountId,
  subject_token: createOidcToken(),
  subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
};

describe('emulator, POST /oauth/token', () => {
  let emulator: Emulator;
  beforeEach(async () => {
    emulator = await startEmulator({ clock: createTestClock() });
    emulator.addFederation(createFederation(serviceAccountId));
  });
  afterEach(() => emulator.close());

  async function post(
    body: string,
    type = 'application/x-www-form-urlencoded',
  ): Promise<Readonly<Record<string, unknown>>> {
    const headers = { 'content-type': type };
    const response = await fetch(`${emulator.url}/oauth/token`, { method: 'POST', headers, body });
    const responseBody = (await response.json()) as Readonly<Record<string, unknown>>;
    assert.equal(response.status, responseBody['error'] === undefined ? 200 : 400);
    return responseBody;
  }
  const encodeForm = (change: Readonly<Record<string, string>> = {}): string =>
    new URLSearchParams({ ...validForm, ...change }).toString();

  it('returns a token of the service account in the federation', async () => {
    const { access_token: token, ...rest } = await post(encodeForm());
    assert.equal(subjectOf(String(token)), serviceAccountId);
    assert.deepEqual(rest, {
      token_type: 'Bearer',
      expires_in: 43_200,
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    });
  });

  const nowSeconds = Date.UTC(2026, 10, 24, 12) / 1_000;
  const rows: readonly (readonly [string, () => Promise<unknown>, string])[] = [
    ['JSON', () => post(JSON.stringify(validForm), 'application/json'), 'invalid_request'],
    ['another grant', () => post(encodeForm({ grant_type: 'client_credentials' })), 'unsupported_grant_type'],
    ['an empty field', () => post(encodeForm({ audience: '' })), 'invalid_request'],
    ['another type of token', () => post(encodeForm({ subject_token_type: 'jwt' })), 'invalid_request'],
    ['an unknown field', () => post(encodeForm({ scope: 'x' })), 'invalid_request'],
    ['a repeated field', () => post(`${encodeForm()}&audience=x`), 'invalid_request'],
    ['an empty form', () => post(''), 'unsupported_grant_type'],
    [
      'a subject token that is not a JWT',
      () => post(encodeForm({ subject_token: 'junk' })),
      'invalid_request',
    ],
    ['another account', () => post(encodeForm({ audience: 'ajeother' })), 'invalid_target'],
    [
      'another issuer',
      () => post(encodeForm({ subject_token: createOidcToken({ iss: 'x' }) })),
      'invalid_target',
    ],
    [
      'another audience',
      () => post(encodeForm({ subject_token: createOidcToken({ aud: 'x' }) })),
      'invalid_target',
    ],
    [
      'another subject',
      () => post(encodeForm({ subject_token: createOidcToken({ sub: 'x' }) })),
      'invalid_target',
    ],
    [
      'an expired token',
      () => post(encodeForm({ subject_token: createOidcToken({ exp: nowSeconds }) })),
      'invalid_grant',
    ],
    [
      'a token signed by another key',
      () => post(encodeForm({ subject_token: createOidcToken({}, getTestKey(4096)) })),
      'invalid_grant',
    ],
  ];
  for (const [name, sendInvalid, error] of rows) {
    it(`rejects ${name}`, async () => {
      assert.equal(((await sendInvalid()) as { readonly error?: string }).error, error);
    });
  }

  it('rejects the issuer of a removed federation', async () => {
    emulator.removeFederation(issuer);
    assert.equal((await post(encodeForm()))['error'], 'invalid_target');
  });
});
