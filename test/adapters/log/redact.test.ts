import assert from 'node:assert/strict';
import { redact } from '../../../src/adapters/redact.ts';
import { canaries } from '../../support/canaries.ts';
import { cpuTimeMs } from '../../support/time/cpu-time.ts';

describe('redact', () => {
  for (const { shape, secret } of canaries) {
    it(`removes ${shape} from any context`, () => {
      const contexts = [
        secret,
        `before ${secret} after`,
        `token=${secret}`,
        `{"secret":"${secret}"}`,
        `(${secret})`,
        `https://host/?t=${secret}&x=1`,
        `one\n${secret}\ntwo`,
        `one\t${secret}`,
        `${secret}, ${secret}`,
        `IAM_TOKEN_${secret}`,
        `one\\x0a${secret}`,
        ...(secret.startsWith('-') ? [] : [encodeURIComponent(` ${secret} `)]),
      ];
      for (const text of contexts) {
        const safe = redact(text);
        assert.ok(safe.includes('[redacted]'), safe);
        for (const part of secret.split(/[\s.]+/).filter((part) => part.length >= 12)) {
          if (part.startsWith('-----') || part.endsWith('-----')) continue;
          assert.ok(!safe.includes(part), safe);
        }
      }
    });
  }

  it('removes a truncated key', () => {
    const cut = '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ';
    assert.equal(redact(`key: ${cut}`), 'key: [redacted]');
  });

  it('removes any value after Bearer, in upper or lower case', () => {
    assert.equal(redact('Authorization: Bearer abc.def-ghi='), 'Authorization: Bearer [redacted]');
    assert.equal(redact('authorization: bearer abcdef'), 'authorization: bearer [redacted]');
  });

  for (const [text, expected] of [
    ['proxy http://me:p@ss@proxy:3128 refused', 'proxy http://[redacted]@proxy:3128 refused'],
    ['http://me:p#s/s%40?@proxy:3128', 'http://[redacted]@proxy:3128'],
    ['https://one:secret@a and https://two:secret@b', 'https://[redacted]@a and https://[redacted]@b'],
    ['"http://one:secret@a","http://two:secret@b"', '"http://[redacted]@b"'],
    ['HTTPS_PROXY=me:secret@proxy:3128', 'HTTPS_PROXY=[redacted]@proxy:3128'],
    ['"me:sec@ret@proxy:3128"', '"[redacted]@proxy:3128"'],
    ['me:secret@proxy', '[redacted]@proxy'],
    ['http://secret@proxy', 'http://[redacted]@proxy'],
  ] as const) {
    it(`D7: removes user and password of ${text}`, () => {
      assert.equal(redact(text), expected);
    });
  }

  it('leaves other text unchanged', () => {
    for (const text of [
      'renewed the IAM token profile="work" attempt=1 tookMs=12',
      'client1.internal and entry0_initial are asked',
      'the subject is ajeh0aaaaaaaaaaaaaaa',
      '/home/ada/.config/iam-tokend/profiles.json cannot be written',
      'https://iam.api.cloud.yandex.net responds; ssh git@host:22, @github/keytar@7.10.6',
      'at file:///usr/lib/node_modules/@github/keytar/index.js:3:9 (C:\\a\\@github\\x)',
      'version 1.2.3',
    ]) {
      assert.equal(redact(text), text);
    }
  });

  it('stays fast with adversarial input', () => {
    for (const part of [
      'eyJ',
      '_eyJ',
      '_eyJ.',
      't1.',
      '_t1.a',
      '-----BEGIN A',
      '-----BEGIN A-----',
      'Bearer ',
      '://',
      '@',
      'a:',
      '=a:b@',
      '"a',
    ]) {
      const text = part.repeat(32_000);
      const tookMs = cpuTimeMs(() => redact(text));
      assert.ok(tookMs < 2_500, `${part}: ${tookMs} ms`);
    }
  });
});
