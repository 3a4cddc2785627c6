import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { problemOf } from '../../src/shared/errors.ts';
import { readAuthorizedKey } from '../../src/sources/authorized-key.ts';
import { keyFile, testKey, warningLine } from '../support/test-keys.ts';

const key = testKey();
const pkcs8 = { format: 'pem', type: 'pkcs8' } as const;
const spki = { format: 'pem', type: 'spki' } as const;

describe('the file of an authorized key', () => {
  const camel = JSON.stringify({
    id: key.id,
    serviceAccountId: key.serviceAccountId,
    createdAt: '2026-11-24T09:00:00Z',
    keyAlgorithm: 'RSA_2048',
    publicKey: key.publicKey,
    privateKey: key.privateKey,
  });
  const escaped = keyFile()
    .replace('<', String.raw`\u003c`)
    .replace('>', String.raw`\u003e`);
  const rows: readonly (readonly [string, string])[] = [
    ['as yc writes it', keyFile()],
    ['in camelCase', camel],
    ['with a warning line whose brackets are escaped', escaped],
    ['with brackets that were escaped twice', keyFile(key, { private_key: escapedTwice() })],
    ['without the warning line', keyFile(key, { private_key: key.privateKey })],
    ['with the line ends of Windows', keyFile(key, { private_key: key.privateKey.replaceAll('\n', '\r\n') })],
    ['without its public key', keyFile(key, { public_key: undefined })],
    ['with a mark of byte order and white space around', `\uFEFF \r\n${keyFile()}\n\n`],
  ];
  for (const [name, text] of rows) {
    it(`is read ${name}`, () => {
      const { id, serviceAccountId, privateKey } = readAuthorizedKey(text);
      assert.deepEqual({ id, serviceAccountId }, { id: key.id, serviceAccountId: key.serviceAccountId });
      assert.equal(privateKey.export(pkcs8), key.privateKey);
    });
  }

  it('is read with 4,096 bits', () => {
    const large = testKey(4096);
    assert.equal(readAuthorizedKey(keyFile(large)).privateKey.asymmetricKeyDetails?.modulusLength, 4_096);
  });

  function escapedTwice(): string {
    return (
      warningLine(key.id)
        .replace('<', String.raw`\u003c`)
        .replace('>', String.raw`\u003e`) + key.privateKey
    );
  }
});

describe('what is no file of an authorized key is named for what it is:', () => {
  const make = 'yc iam key create --service-account-id ID -o key.json';
  const ec = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: spki,
    privateKeyEncoding: pkcs8,
  });
  const small = generateKeyPairSync('rsa', {
    modulusLength: 1_024,
    publicKeyEncoding: spki,
    privateKeyEncoding: pkcs8,
  });
  const encrypted = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: spki,
    privateKeyEncoding: { ...pkcs8, cipher: 'aes-256-cbc', passphrase: 'canary' },
  });
  const traditional = key.privateKey.replace(
    /(-----BEGIN) PRIVATE (KEY-----\n)/,
    '$1 RSA PRIVATE $2Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n',
  );
  const account = 'ajesa00000000000000';
  const rows: readonly (readonly [string, string, string])[] = [
    ['nothing', '', 'the key file is empty'],
    ['white space', ' \n', 'the key file is empty'],
    ['a file that is cut', keyFile().slice(0, 700), 'the key file is cut off or damaged: its JSON is broken'],
    [
      'one whose last byte is missing',
      keyFile().slice(0, -1),
      'the key file is cut off or damaged: its JSON is broken',
    ],
    ['words', 'canary', 'the key file is no JSON'],
    ['an array', '[]', 'the key file holds JSON, but no object'],
    ['null', 'null', 'the key file holds JSON, but no object'],
    ['an empty object', '{}', 'the key file has no id'],
    [
      'a bare PEM key',
      key.privateKey,
      'this is a bare PEM key; the whole JSON file of an authorized key is needed',
    ],
    ['an OAuth token', 'y0_AgAAcanary', 'this is an OAuth token, no key file'],
    ['an IAM token', 't1.canary.canary', 'this is an IAM token, no key file'],
    ['an API key', 'AQVNcanary', 'this is an API key; an authorized key is needed'],
    [
      'the file of an API key',
      JSON.stringify({ api_key: { id: 'a', service_account_id: account }, secret: 'AQVNcanary' }),
      'this is an API key; an authorized key is needed',
    ],
    [
      'the file of a static key',
      JSON.stringify({ access_key: { id: 'a', key_id: 'YCAJ' }, secret: 'YCcanary' }),
      'this is a static access key, for S3; an authorized key is needed',
    ],
    [
      'a key of AWS',
      JSON.stringify({ AccessKeyId: 'YCAJ', SecretAccessKey: 'canary' }),
      'this is a static access key, for S3; an authorized key is needed',
    ],
    [
      'a key of Google',
      JSON.stringify({ type: 'service_account', private_key: key.privateKey, client_email: 'a@b.c' }),
      'this is a key of Google Cloud; an authorized key of Yandex Cloud is needed',
    ],
    [
      'what `yc iam create-token` writes',
      JSON.stringify({ iam_token: 't1.canary.canary', expires_at: '2026-11-25T00:00:00Z' }),
      'this is an IAM token; an authorized key is needed',
    ],
    [
      'what `yc iam key get` writes',
      keyFile(key, { private_key: undefined }),
      'the key file has no private key: Yandex Cloud shows it once, when the key is made',
    ],
    [
      'a file without the account',
      keyFile(key, { service_account_id: undefined }),
      'the key file has no service_account_id',
    ],
    [
      'an id with a control character',
      keyFile(key, { service_account_id: 'aje\u001b[31m' }),
      'the key file is damaged: service_account_id must be an id of Yandex Cloud: at most 50 letters, digits, - and _',
    ],
    [
      'an id that is a number',
      keyFile(key, { id: 17 }),
      'the key file is damaged: id must be an id of Yandex Cloud: at most 50 letters, digits, - and _',
    ],
    [
      'an EC key',
      keyFile(key, { private_key: ec.privateKey }),
      'the private key is of type ec; an RSA key is needed',
    ],
    [
      'a small key',
      keyFile(key, { private_key: small.privateKey }),
      'the private key has 1024 bits; 2,048 or 4,096 are needed',
    ],
    [
      'an encrypted key',
      keyFile(key, { private_key: encrypted.privateKey }),
      'the private key is encrypted; an authorized key as Yandex Cloud makes it is not',
    ],
    [
      'an encrypted key of the old form',
      keyFile(key, { private_key: traditional }),
      'the private key is encrypted; an authorized key as Yandex Cloud makes it is not',
    ],
    [
      'a damaged key',
      keyFile(key, { private_key: key.privateKey.replaceAll(/[A-Z]/g, 'A') }),
      'the private key in the file is damaged',
    ],
    ['a key of words', keyFile(key, { private_key: 'canary' }), 'the private key in the file is damaged'],
    [
      'a key of another pair',
      keyFile(key, { private_key: testKey(4096).privateKey }),
      'the private key and the public key of the file do not belong together',
    ],
    [
      'a public key of words',
      keyFile(key, { public_key: 'canary' }),
      'the private key and the public key of the file do not belong together',
    ],
  ];
  for (const [name, text, message] of rows) {
    it(name, () => {
      assert.throws(
        () => readAuthorizedKey(text),
        (thrown) => {
          const problem = problemOf(thrown);
          assert.deepEqual([problem.code, problem.message], ['bad_request', message]);
          assert.equal(problem.hint, /OAuth/.test(message) ? 'iam-token login' : make);
          assert.doesNotMatch(JSON.stringify(problem), /canary|MII/);
          assert.ok(thrown instanceof Error && thrown.cause === undefined, 'it keeps nothing of the key');
          return true;
        },
      );
    });
  }
});
