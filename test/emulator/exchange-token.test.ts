import assert from 'node:assert/strict';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { subjectOf } from '../../src/sources/token-subject.ts';
import { federation, issuer, oidcToken } from '../support/source-houses.ts';
import { testClock } from '../support/test-clock.ts';
import { testKey } from '../support/test-keys.ts';

const { serviceAccountId } = testKey();
const right = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  audience: serviceAccountId,
  subject_token: oidcToken(),
  subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
};

describe('the emulator, for workload identities', () => {
  let emulator: Emulator;
  beforeEach(async () => {
    emulator = await startEmulator({ clock: testClock() });
    emulator.trust(federation(serviceAccountId));
  });
  afterEach(() => emulator.close());

  async function post(
    body: string,
    type = 'application/x-www-form-urlencoded',
  ): Promise<Readonly<Record<string, unknown>>> {
    const headers = { 'content-type': type };
    const response = await fetch(`${emulator.url}/oauth/token`, { method: 'POST', headers, body });
    const answer = (await response.json()) as Readonly<Record<string, unknown>>;
    assert.equal(response.status, answer['error'] === undefined ? 200 : 400);
    return answer;
  }
  const form = (change: Readonly<Record<string, string>> = {}): string =>
    new URLSearchParams({ ...right, ...change }).toString();

  it('gives a token of the account that a federation trusts the token for', async () => {
    const { access_token: token, ...rest } = await post(form());
    assert.equal(subjectOf(String(token)), serviceAccountId);
    assert.deepEqual(rest, {
      token_type: 'Bearer',
      expires_in: 43_200,
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    });
  });

  const now = Date.UTC(2026, 10, 24, 12) / 1_000;
  const rows: readonly (readonly [string, () => Promise<unknown>, string])[] = [
    ['JSON', () => post(JSON.stringify(right), 'application/json'), 'invalid_request'],
    ['another grant', () => post(form({ grant_type: 'client_credentials' })), 'unsupported_grant_type'],
    ['an empty field', () => post(form({ audience: '' })), 'invalid_request'],
    ['another type of token', () => post(form({ subject_token_type: 'jwt' })), 'invalid_request'],
    ['a field it does not know', () => post(form({ scope: 'x' })), 'invalid_request'],
    ['a field twice', () => post(`${form()}&audience=x`), 'invalid_request'],
    ['no form', () => post(''), 'unsupported_grant_type'],
    ['what is no JWT', () => post(form({ subject_token: 'junk' })), 'invalid_request'],
    ['another account', () => post(form({ audience: 'ajeother' })), 'invalid_target'],
    ['another issuer', () => post(form({ subject_token: oidcToken({ iss: 'x' }) })), 'invalid_target'],
    ['another audience', () => post(form({ subject_token: oidcToken({ aud: 'x' }) })), 'invalid_target'],
    ['another subject', () => post(form({ subject_token: oidcToken({ sub: 'x' }) })), 'invalid_target'],
    [
      'a token that has expired',
      () => post(form({ subject_token: oidcToken({ exp: now }) })),
      'invalid_grant',
    ],
    [
      'a token that another key signed',
      () => post(form({ subject_token: oidcToken({}, testKey(4096)) })),
      'invalid_grant',
    ],
  ];
  for (const [name, ask, error] of rows) {
    it(`refuses ${name}`, async () => {
      assert.equal(((await ask()) as { readonly error?: string }).error, error);
    });
  }

  it('forgets an issuer', async () => {
    emulator.distrust(issuer);
    assert.equal((await post(form()))['error'], 'invalid_target');
  });
});
