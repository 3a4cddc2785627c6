import assert from 'node:assert/strict';
import { redact } from '../../src/adapters/redaction.ts';
import { canaries } from '../support/canaries.ts';
import { cpuTimeMs } from '../support/cpu-time.ts';

describe('redaction', () => {
  for (const { shape, secret } of canaries) {
    it(`takes out ${shape}, wherever it stands`, () => {
      const places = [
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
      for (const text of places) {
        const safe = redact(text);
        assert.ok(safe.includes('[redacted]'), safe);
        for (const part of secret.split(/[\s.]+/).filter((part) => part.length >= 12)) {
          if (part.startsWith('-----') || part.endsWith('-----')) continue;
          assert.ok(!safe.includes(part), safe);
        }
      }
    });
  }

  it('takes out a key that is cut off in the middle', () => {
    const cut = '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ';
    assert.equal(redact(`key: ${cut}`), 'key: [redacted]');
  });

  it('takes out what follows Bearer, whatever its shape and however it is written', () => {
    assert.equal(redact('Authorization: Bearer abc.def-ghi='), 'Authorization: Bearer [redacted]');
    assert.equal(redact('authorization: bearer abcdef'), 'authorization: bearer [redacted]');
  });

  it('leaves everything else as it is', () => {
    for (const text of [
      'renewed the IAM token profile="work" attempt=1 tookMs=12',
      'client1.internal and entry0_initial are asked',
      'the subject is ajeh0aaaaaaaaaaaaaaa',
      '/home/ada/.config/iam-tokend/profiles.json cannot be written',
      'version 1.2.3',
    ]) {
      assert.equal(redact(text), text);
    }
  });

  it('takes no longer than a moment for what was made to keep it busy', () => {
    for (const part of [
      'eyJ',
      '_eyJ',
      '_eyJ.',
      't1.',
      '_t1.a',
      '-----BEGIN A',
      '-----BEGIN A-----',
      'Bearer ',
    ]) {
      const text = part.repeat(32_000);
      const tookMs = cpuTimeMs(() => redact(text));
      assert.ok(tookMs < 2_500, `${part}: ${tookMs} ms`);
    }
  });
});
