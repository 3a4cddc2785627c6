import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { resourceIdRule } from '../../src/shared/resource-id.ts';
import { type ParsedRequest, parseRequest } from '../../src/protocol/parse-request.ts';
import { canaries } from '../support/canaries.ts';

function checkMethod(method: string, params?: unknown): ParsedRequest {
  return parseRequest({ v: 1, id: 7, method, ...(params === undefined ? {} : { params }) });
}

/** `id code message` */
function formatRejection(checked: ParsedRequest): string {
  assert.ok(checked.kind === 'invalid');
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
  ['login', { kind: 'oauth', secret: 'x', cloudId: '', folderId: '', endpoint: '' }],
  ['login', { profile: 'p', kind: 'oauth', secret: '', endpoint: 'https://iam.example.net' }],
  ['logout', { profile: 'x'.repeat(64) }],
  ['profiles', { after: 'a', limit: 1_000 }],
  ['use', { profile: '😀'.repeat(64) }],
  ['subscribe', undefined],
  ['stop', {}],
];

const profileRule = 'params.profile must have 1 to 64 characters, no control character and no slash';

const badRequests: readonly (readonly [what: string, data: unknown, refused: string])[] = [
  ['no id', { v: 1, method: 'token' }, 'null bad_request id must be a whole number, 0 or more'],
  [
    'a string as id',
    { v: 1, id: '1', method: 'token' },
    'null bad_request id must be a whole number, 0 or more',
  ],
  [
    'a negative id',
    { v: 1, id: -1, method: 'token' },
    'null bad_request id must be a whole number, 0 or more',
  ],
  [
    'a fractional id',
    { v: 1, id: 0.5, method: 'token' },
    'null bad_request id must be a whole number, 0 or more',
  ],
  [
    'an id above the safe integers',
    { v: 1, id: 2 ** 53, method: 'token' },
    'null bad_request id must be a whole number, 0 or more',
  ],
  [
    'no version',
    { id: 7, method: 'token' },
    '7 unsupported_version this daemon supports version 1 of the protocol only',
  ],
  [
    'version 2',
    { v: 2, id: 7, method: 'token' },
    '7 unsupported_version this daemon supports version 1 of the protocol only',
  ],
  ['no method', { v: 1, id: 7 }, '7 unknown_method unknown method'],
  ['a number as method', { v: 1, id: 7, method: 1 }, '7 unknown_method unknown method'],
  ['an unknown method', { v: 1, id: 7, method: 'fly' }, '7 unknown_method unknown method'],
  ['a method of Object', { v: 1, id: 7, method: 'toString' }, '7 unknown_method unknown method'],
  ['__proto__ as method', { v: 1, id: 7, method: '__proto__' }, '7 unknown_method unknown method'],
  [
    'null as params',
    { v: 1, id: 7, method: 'token', params: null },
    '7 bad_request params must be an object',
  ],
  [
    'an array as params',
    { v: 1, id: 7, method: 'stop', params: [] },
    '7 bad_request params must be an object',
  ],
  [
    'a string as params',
    { v: 1, id: 7, method: 'stop', params: 'x' },
    '7 bad_request params must be an object',
  ],
  ...(
    [
      ['token', { profile: '' }, profileRule],
      ['token', { profile: 'x'.repeat(65) }, profileRule],
      ['token', { profile: 'a/b' }, profileRule],
      ['token', { profile: 'a\\b' }, profileRule],
      ['token', { profile: 'a\nb' }, profileRule],
      ['token', { profile: 'a\u0085b' }, profileRule],
      ['token', { profile: '\ud800' }, profileRule],
      ['token', { profile: '__proto__' }, profileRule],
      ['login', { profile: 'constructor', kind: 'oauth', secret: 'x' }, profileRule],
      ['login', { profile: 'prototype', kind: 'oauth', secret: 'x' }, profileRule],
      ['token', { profile: null }, 'params.profile must be a string'],
      ['token', { profile: ['work'] }, 'params.profile must be a string'],
      ['token', { minTtlMs: -1 }, 'params.minTtlMs must not be negative'],
      [
        'token',
        { minTtlMs: 43_200_001 },
        'params.minTtlMs must be at most 12 h, the longest lifetime of an IAM token',
      ],
      ['token', { minTtlMs: 0.5 }, 'params.minTtlMs must be whole milliseconds'],
      ['token', { minTtlMs: '10m' }, 'params.minTtlMs must be a number'],
      ['status', { limit: 0 }, 'params.limit must be a whole number from 1 to 1000'],
      ['status', { limit: 1_001 }, 'params.limit must be a whole number from 1 to 1000'],
      ['status', { limit: 1.5 }, 'params.limit must be a whole number from 1 to 1000'],
      ['status', { limit: '1' }, 'params.limit must be a whole number from 1 to 1000'],
      ['status', { after: '' }, profileRule.replace('profile', 'after')],
      ['refresh', { profile: 1 }, 'params.profile must be a string'],
      ['login', { kind: 1 }, 'params.kind must be a string'],
      ['rename', { profile: 'work' }, 'params.to is missing'],
      ['unlock', { passphrase: null }, 'params.passphrase must be a string'],
      ['login', { kind: 'yc', settings: [] }, 'params.settings must be an object'],
      ['login', { kind: 'yc', settings: { path: 1 } }, 'params.settings.path must be a string'],
      [
        'login',
        { kind: 'yc', settings: { path: 'x'.repeat(4_097) } },
        'params.settings.path must have at most 4,096 characters',
      ],
      ['login', { kind: 'oauth', secret: 'x', cloudId: 'b1g\u001b' }, `params.cloudId ${resourceIdRule}`],
      ['login', { kind: 'oauth', secret: 'x', folderId: '/' }, `params.folderId ${resourceIdRule}`],
      [
        'login',
        { kind: 'oauth', secret: 'x', impersonateServiceAccountId: 'a'.repeat(51) },
        `params.impersonateServiceAccountId ${resourceIdRule}`,
      ],
      ['login', { kind: 1, secret: 'x' }, 'params.kind must be a string'],
      ['login', { kind: 'oauth', secret: 1 }, 'params.secret must be a string'],
      ['login', { kind: 'oauth', secret: 'x', endpoint: 1 }, 'params.endpoint must be a string'],
      [
        'login',
        { kind: 'oauth', secret: 'x', endpoint: `https://${'x'.repeat(250)}` },
        'params.endpoint must have at most 255 characters',
      ],
      ['logout', { profile: '' }, profileRule],
      ['profiles', { after: 1 }, 'params.after must be a string'],
      ['use', {}, 'params.profile is missing'],
      ['use', { profile: '' }, profileRule],
      ['subscribe', { profile: '' }, profileRule],
      ['hello', { version: 1 }, 'params.version must be a string'],
      ['hello', { nonce: 'n' }, 'params.nonce must be 32 bytes in base64url'],
      ['hello', { proof: '+'.repeat(43) }, 'params.proof must be 32 bytes in base64url'],
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

describe('parseRequest', () => {
  for (const [method, params] of goodRequests) {
    it(`accepts ${method} with ${JSON.stringify(params)?.slice(0, 60) ?? 'nothing'}`, () => {
      assert.deepEqual(checkMethod(method, params), {
        kind: 'request',
        request: { id: 7, method, params: params ?? {} },
      });
    });
  }

  for (const [description, data, expected] of badRequests) {
    it(`rejects ${description} and names the field`, () =>
      assert.equal(formatRejection(parseRequest(data)), expected));
  }

  for (const data of [null, 1, 'token', true, [], [{ v: 1, id: 1, method: 'token' }], undefined]) {
    it(`does not accept ${JSON.stringify(data) ?? 'nothing'} as a message`, () => {
      assert.deepEqual(parseRequest(data), { kind: 'not_a_message' });
    });
  }

  it('drops unknown fields', () => {
    const checked = parseRequest({
      v: 1,
      id: 7,
      method: 'token',
      params: { profile: 'work', later: 1 },
      later: { a: 1 },
    });
    assert.deepEqual(checked, {
      kind: 'request',
      request: { id: 7, method: 'token', params: { profile: 'work' } },
    });
  });

  it('ignores a prototype in the data', () => {
    const data: unknown = JSON.parse(
      '{"v":1,"id":7,"method":"use","params":{"__proto__":{"profile":"work"}},"__proto__":{"x":1}}',
    );
    assert.equal(formatRejection(parseRequest(data)), '7 bad_request params.profile is missing');
    assert.equal(({} as { readonly x?: number }).x, undefined);
  });

  const secrets = canaries.map(({ secret }) => secret);
  const anyParams = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(...secrets),
    fc.dictionary(
      fc.constantFrom('profile', 'kind', 'secret', 'endpoint', 'after', '__proto__'),
      fc.anything(),
    ),
  );

  it('never throws', () => {
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
              params: anyParams,
            },
            { requiredKeys: [] },
          ),
        ),
        (data) => {
          const checked = parseRequest(data);
          if (checked.kind === 'request') assert.ok(checked.request.id >= 0);
          else if (checked.kind === 'invalid') assert.ok(checked.problem.message.length > 0);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('never quotes a secret, whichever field it came in', () => {
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
          const checked = parseRequest(data);
          if (checked.kind !== 'request') assert.ok(!JSON.stringify(checked).includes(secret.slice(0, 20)));
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
