import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { resourceIdRule } from '../../src/shared/resource-id.ts';
import { type RequestCheck, checkRequest } from '../../src/protocol/requests.ts';
import { canaries } from '../support/canaries.ts';

function asked(method: string, params?: unknown): RequestCheck {
  return checkRequest({ v: 1, id: 7, method, ...(params === undefined ? {} : { params }) });
}

/** What a request is refused with: `id code message`. */
function refusal(checked: RequestCheck): string {
  assert.ok(!checked.ok);
  assert.ok(checked.id !== 'no_message');
  return `${checked.id} ${checked.problem.code} ${checked.problem.message}`;
}

const goodRequests: readonly (readonly [string, unknown])[] = [
  ['hello', undefined],
  ['hello', {}],
  ['hello', { version: '0.1.0' }],
  ['hello', { nonce: 'n'.repeat(43) }],
  ['hello', { proof: `${'p'.repeat(41)}-_` }],
  ['token', undefined],
  ['token', { profile: 'work', minTtlMs: 0 }],
  ['token', { minTtlMs: 43_200_000 }],
  ['awsCredentials', undefined],
  ['awsCredentials', { profile: 'work', minTtlMs: 600_000 }],
  ['status', { profile: 'work' }],
  ['status', { after: 'work', limit: 1 }],
  ['refresh', { profile: 'мой профиль 😀' }],
  ['login', { kind: 'oauth', secret: 'x' }],
  ['login', { kind: 'metadata' }],
  ['lock', undefined],
  ['unlock', undefined],
  ['unlock', { passphrase: 'x' }],
  ['login', { kind: 'yc', settings: { path: '/usr/bin/yc' }, cloudId: 'b1g0', folderId: 'b1g1' }],
  ['login', { kind: 'oauth', secret: 'x', impersonateServiceAccountId: 'aje0' }],
  ['login', { profile: 'p', kind: 'oauth', secret: '', endpoint: 'https://iam.example.net' }],
  ['logout', { profile: 'x'.repeat(64) }],
  ['profiles', { after: 'a', limit: 1_000 }],
  ['use', { profile: '😀'.repeat(64) }],
  ['subscribe', undefined],
  ['stop', {}],
];

const noProfile = 'profile: must have 1 to 64 characters, no control character and no slash';

const badRequests: readonly (readonly [what: string, data: unknown, refused: string])[] = [
  ['no id', { v: 1, method: 'token' }, 'null bad_request id: must be a whole number, 0 or more'],
  [
    'a text as id',
    { v: 1, id: '1', method: 'token' },
    'null bad_request id: must be a whole number, 0 or more',
  ],
  [
    'a negative id',
    { v: 1, id: -1, method: 'token' },
    'null bad_request id: must be a whole number, 0 or more',
  ],
  [
    'a broken id',
    { v: 1, id: 0.5, method: 'token' },
    'null bad_request id: must be a whole number, 0 or more',
  ],
  [
    'too great an id',
    { v: 1, id: 2 ** 53, method: 'token' },
    'null bad_request id: must be a whole number, 0 or more',
  ],
  [
    'no version',
    { id: 7, method: 'token' },
    '7 unsupported_version this daemon speaks version 1 of the protocol',
  ],
  [
    'version 2',
    { v: 2, id: 7, method: 'token' },
    '7 unsupported_version this daemon speaks version 1 of the protocol',
  ],
  ['no method', { v: 1, id: 7 }, '7 unknown_method there is no such method'],
  ['a number as method', { v: 1, id: 7, method: 1 }, '7 unknown_method there is no such method'],
  ['an unknown method', { v: 1, id: 7, method: 'fly' }, '7 unknown_method there is no such method'],
  ['a method of Object', { v: 1, id: 7, method: 'toString' }, '7 unknown_method there is no such method'],
  ['__proto__ as method', { v: 1, id: 7, method: '__proto__' }, '7 unknown_method there is no such method'],
  [
    'null as params',
    { v: 1, id: 7, method: 'token', params: null },
    '7 bad_request params: must be an object',
  ],
  [
    'a list as params',
    { v: 1, id: 7, method: 'stop', params: [] },
    '7 bad_request params: must be an object',
  ],
  [
    'a text as params',
    { v: 1, id: 7, method: 'stop', params: 'x' },
    '7 bad_request params: must be an object',
  ],
  ...(
    [
      ['token', { profile: '' }, noProfile],
      ['token', { profile: 'x'.repeat(65) }, noProfile],
      ['token', { profile: 'a/b' }, noProfile],
      ['token', { profile: 'a\\b' }, noProfile],
      ['token', { profile: 'a\nb' }, noProfile],
      ['token', { profile: 'a\u0085b' }, noProfile],
      ['token', { profile: '\ud800' }, noProfile],
      ['token', { profile: '__proto__' }, noProfile],
      ['login', { profile: 'constructor', kind: 'oauth', secret: 'x' }, noProfile],
      ['login', { profile: 'prototype', kind: 'oauth', secret: 'x' }, noProfile],
      ['token', { profile: null }, 'profile: must be string'],
      ['token', { profile: ['work'] }, 'profile: must be string'],
      ['token', { minTtlMs: -1 }, 'minTtlMs: must not be negative'],
      ['token', { minTtlMs: 43_200_001 }, 'minTtlMs: must be at most 12 h: no IAM token lives longer'],
      ['token', { minTtlMs: 0.5 }, 'minTtlMs: must be whole milliseconds'],
      ['token', { minTtlMs: '10m' }, 'minTtlMs: must be number'],
      ['status', { limit: 0 }, 'limit: must be a whole number from 1 to 1000'],
      ['status', { limit: 1_001 }, 'limit: must be a whole number from 1 to 1000'],
      ['status', { limit: 1.5 }, 'limit: must be a whole number from 1 to 1000'],
      ['status', { limit: '1' }, 'limit: must be a whole number from 1 to 1000'],
      ['status', { after: '' }, noProfile.replace('profile', 'after')],
      ['refresh', { profile: 1 }, 'profile: must be string'],
      ['login', {}, 'kind: is missing'],
      ['unlock', { passphrase: null }, 'passphrase: must be string'],
      ['login', { kind: 'yc', settings: [] }, 'settings: must be an object'],
      ['login', { kind: 'yc', settings: { path: 1 } }, 'settings.path: must be string'],
      [
        'login',
        { kind: 'yc', settings: { path: 'x'.repeat(4_097) } },
        'settings.path: must have at most 4,096 characters',
      ],
      ['login', { kind: 'oauth', secret: 'x', cloudId: 'b1g\u001b' }, `cloudId: ${resourceIdRule}`],
      ['login', { kind: 'oauth', secret: 'x', folderId: '' }, `folderId: ${resourceIdRule}`],
      [
        'login',
        { kind: 'oauth', secret: 'x', impersonateServiceAccountId: 'a'.repeat(51) },
        `impersonateServiceAccountId: ${resourceIdRule}`,
      ],
      ['login', { kind: 1, secret: 'x' }, 'kind: must be string'],
      ['login', { kind: 'oauth', secret: 1 }, 'secret: must be string'],
      ['login', { kind: 'oauth', secret: 'x', endpoint: 1 }, 'endpoint: must be string'],
      [
        'login',
        { kind: 'oauth', secret: 'x', endpoint: `https://${'x'.repeat(250)}` },
        'endpoint: must have at most 255 characters',
      ],
      ['logout', { profile: '' }, noProfile],
      ['profiles', { after: 1 }, 'after: must be string'],
      ['use', {}, 'profile: is missing'],
      ['use', { profile: '' }, noProfile],
      ['subscribe', { profile: '' }, noProfile],
      ['hello', { version: 1 }, 'version: must be string'],
      ['hello', { nonce: 'n' }, 'nonce: must be 32 bytes in base64url'],
      ['hello', { proof: '+'.repeat(43) }, 'proof: must be 32 bytes in base64url'],
    ] as const
  ).map(
    ([method, params, message]) =>
      [
        `${method} with ${JSON.stringify(params).slice(0, 60)}`,
        { v: 1, id: 7, method, params },
        `7 bad_request ${message}`,
      ] as const,
  ),
];

describe('the check of a request', () => {
  for (const [method, params] of goodRequests) {
    it(`takes ${method} with ${JSON.stringify(params)?.slice(0, 60) ?? 'nothing'}`, () => {
      assert.deepEqual(asked(method, params), {
        ok: true,
        request: { id: 7, method, params: params ?? {} },
      });
    });
  }

  for (const [what, data, refused] of badRequests) {
    it(`refuses ${what}, and names the field`, () => assert.equal(refusal(checkRequest(data)), refused));
  }

  for (const data of [null, 1, 'token', true, [], [{ v: 1, id: 1, method: 'token' }], undefined]) {
    it(`does not take ${JSON.stringify(data) ?? 'nothing'} for a message`, () => {
      assert.deepEqual(checkRequest(data), { ok: false, id: 'no_message' });
    });
  }

  it('passes over fields that it does not know', () => {
    const checked = checkRequest({
      v: 1,
      id: 7,
      method: 'token',
      params: { profile: 'work', later: 1 },
      later: { a: 1 },
    });
    assert.deepEqual(checked, { ok: true, request: { id: 7, method: 'token', params: { profile: 'work' } } });
  });

  it('makes nothing of a prototype that came over the wire', () => {
    const data: unknown = JSON.parse(
      '{"v":1,"id":7,"method":"use","params":{"__proto__":{"profile":"work"}},"__proto__":{"x":1}}',
    );
    assert.equal(refusal(checkRequest(data)), '7 bad_request profile: is missing');
    assert.equal(({} as { readonly x?: number }).x, undefined);
  });

  const secrets = canaries.map(({ secret }) => secret);
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(...secrets),
    fc.dictionary(
      fc.constantFrom('profile', 'kind', 'secret', 'endpoint', 'after', '__proto__'),
      fc.anything(),
    ),
  );

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.anything(),
          fc.record(
            {
              v: fc.oneof(fc.constant(1), fc.jsonValue()),
              id: fc.oneof(fc.nat(), fc.jsonValue()),
              method: fc.oneof(fc.constantFrom(...goodRequests.map(([method]) => method)), fc.jsonValue()),
              params: anything,
            },
            { requiredKeys: [] },
          ),
        ),
        (data) => {
          const checked = checkRequest(data);
          if (checked.ok) assert.ok(checked.request.id >= 0);
          else if (checked.id !== 'no_message') assert.ok(checked.problem.message.length > 0);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('never says a secret back, in whatever field it came', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...goodRequests.map(([method]) => method), 'fly'),
        fc.constantFrom(...secrets),
        fc.constantFrom(
          'v',
          'id',
          'method',
          'profile',
          'kind',
          'secret',
          'passphrase',
          'endpoint',
          'minTtlMs',
          'limit',
          'after',
        ),
        fc.boolean(),
        (method, secret, field, asKey) => {
          const params = {
            profile: '',
            kind: 1,
            secret: [secret],
            passphrase: [secret],
            ...(asKey ? { [secret]: secret } : {}),
            [field]: field === 'profile' ? `${secret}\n` : secret,
          };
          const data = { v: 1, id: 1, method, params, ...(field.length < 7 ? { [field]: secret } : {}) };
          const checked = checkRequest(data);
          if (!checked.ok) assert.ok(!JSON.stringify(checked).includes(secret.slice(0, 20)));
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
