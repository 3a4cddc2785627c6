import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { problemOf, renderProblem } from '../../../src/shared/errors.ts';
import { parseAuthorizedKey } from '../../../src/sources/kinds/authorized-key.ts';
import { formatKeyFile, getTestKey, formatWarningLine } from '../../support/iam/test-keys.ts';

const key = getTestKey();
const pkcs8 = { format: 'pem', type: 'pkcs8' } as const;
const spki = { format: 'pem', type: 'spki' } as const;

describe('the key file of a service account', () => {
  const camelCaseFile = JSON.stringify({
    id: key.id,
    serviceAccountId: key.serviceAccountId,
    createdAt: '2026-11-24T09:00:00Z',
    keyAlgorithm: 'RSA_2048',
    publicKey: key.publicKey,
    privateKey: key.privateKey,
  });
  const fields = {
    id: key.id,
    createdAt: '2026-11-24T09:00:00Z',
    keyAlgorithm: 'RSA_2048',
    publicKey: key.publicKey,
  };
  const apiResponse = JSON.stringify({
    key: { ...fields, serviceAccountId: key.serviceAccountId },
    privateKey: key.privateKey,
  });
  const snakeCaseResponse = JSON.stringify({
    key: { id: key.id, service_account_id: key.serviceAccountId, public_key: key.publicKey },
    private_key: key.privateKey,
  });
  const escapedFile = formatKeyFile()
    .replace('<', String.raw`\u003c`)
    .replace('>', String.raw`\u003e`);
  const rows: readonly (readonly [string, string])[] = [
    ['as yc writes it', formatKeyFile()],
    ['in camelCase', camelCaseFile],
    ['with a warning line whose brackets are escaped', escapedFile],
    ['with brackets that are escaped twice', formatKeyFile(key, { private_key: escapeTwice() })],
    ['without the warning line', formatKeyFile(key, { private_key: key.privateKey })],
    ['with CRLF line ends', formatKeyFile(key, { private_key: key.privateKey.replaceAll('\n', '\r\n') })],
    ['without its public key', formatKeyFile(key, { public_key: undefined })],
    ['B5: with an empty public key', formatKeyFile(key, { public_key: '' })],
    ['B5: with a public key that is null', formatKeyFile(key, { public_key: null })],
    ['B5: with key_id', formatKeyFile(key, { id: undefined, key_id: key.id })],
    ["B5: as IAM's API returns it", apiResponse],
    ["B5: as IAM's API returns it, in snake case", snakeCaseResponse],
    ['B5: in base64', Buffer.from(formatKeyFile()).toString('base64')],
    ['B5: in base64 with line ends', wrapBase64(formatKeyFile())],
    ['B5: in base64 for URLs, without padding', Buffer.from(formatKeyFile()).toString('base64url')],
    ['B5: as a JSON string', JSON.stringify(formatKeyFile())],
    ['B5: in single quotes', `'${formatKeyFile()}'`],
    ['B5: with line ends that are not escaped', formatKeyFile().replaceAll(String.raw`\n`, '\n')],
    [
      'B5: with line ends that are escaped twice',
      formatKeyFile().replaceAll(String.raw`\n`, String.raw`\\n`),
    ],
    ['B5: with indented lines', formatKeyFile(key, { private_key: indent(key.privateKey) })],
    ['with a byte order mark and surrounding white space', `\uFEFF \r\n${formatKeyFile()}\n\n`],
  ];
  for (const [name, text] of rows) {
    it(`is parsed ${name}`, () => {
      const { id, serviceAccountId, privateKey } = parseAuthorizedKey(text);
      assert.deepEqual({ id, serviceAccountId }, { id: key.id, serviceAccountId: key.serviceAccountId });
      assert.equal(privateKey.export(pkcs8), key.privateKey);
    });
  }

  it('is parsed with 4,096 bits', () => {
    const largeKey = getTestKey(4096);
    assert.equal(
      parseAuthorizedKey(formatKeyFile(largeKey)).privateKey.asymmetricKeyDetails?.modulusLength,
      4_096,
    );
  });

  function wrapBase64(text: string): string {
    return Buffer.from(text).toString('base64').replaceAll(/.{76}/g, '$&\n');
  }

  function indent(pem: string): string {
    return pem.replaceAll(/^/gm, '    ');
  }

  function escapeTwice(): string {
    return (
      formatWarningLine(key.id)
        .replace('<', String.raw`\u003c`)
        .replace('>', String.raw`\u003e`) + key.privateKey
    );
  }
});

describe('an invalid key file is reported:', () => {
  const createKeyCommand = 'yc iam key create --service-account-id ID -o key.json';
  const ecKey = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: spki,
    privateKeyEncoding: pkcs8,
  });
  const smallKey = generateKeyPairSync('rsa', {
    modulusLength: 1_024,
    publicKeyEncoding: spki,
    privateKeyEncoding: pkcs8,
  });
  const encryptedKey = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: spki,
    privateKeyEncoding: { ...pkcs8, cipher: 'aes-256-cbc', passphrase: 'canary' },
  });
  const traditionalPem = key.privateKey.replace(
    /(-----BEGIN) PRIVATE (KEY-----\n)/,
    '$1 RSA PRIVATE $2Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n',
  );
  const serviceAccountId = 'ajesa00000000000000';
  const rows: readonly (readonly [string, string, string])[] = [
    ['an empty file', '', 'the key file is empty'],
    ['white space', ' \n', 'the key file is empty'],
    ['a truncated file', formatKeyFile().slice(0, 700), 'the key file is truncated or damaged: invalid JSON'],
    [
      'a file without its last byte',
      formatKeyFile().slice(0, -1),
      'the key file is truncated or damaged: invalid JSON',
    ],
    ['plain text', 'canary', 'the key file is not JSON'],
    ['an array', '[]', 'the key file is not a JSON object'],
    ['null', 'null', 'the key file is not a JSON object'],
    ['an empty object', '{}', 'the key file has no id'],
    ['a PEM key', key.privateKey, 'expected the JSON file of an authorized key, got a PEM key'],
    ['an OAuth token', 'y0_AgAAcanary', 'expected the JSON file of an authorized key, got an OAuth token'],
    ['an IAM token', 't1.canary.canary', 'expected the JSON file of an authorized key, got an IAM token'],
    ['an API key', 'AQVNcanary', 'expected the JSON file of an authorized key, got an API key'],
    [
      'the file of an API key',
      JSON.stringify({ api_key: { id: 'a', service_account_id: serviceAccountId }, secret: 'AQVNcanary' }),
      'expected an authorized key, got an API key',
    ],
    [
      'the file of a static key',
      JSON.stringify({ access_key: { id: 'a', key_id: 'YCAJ' }, secret: 'YCcanary' }),
      'expected an authorized key, got a static access key (for S3)',
    ],
    [
      'a key of AWS',
      JSON.stringify({ AccessKeyId: 'YCAJ', SecretAccessKey: 'canary' }),
      'expected an authorized key, got a static access key (for S3)',
    ],
    [
      'B5: IAM’s response for a static key',
      JSON.stringify({ accessKey: { id: 'a', keyId: 'YCAJ' }, secret: 'YCcanary' }),
      'expected an authorized key, got a static access key (for S3)',
    ],
    [
      'B5: a static key without a private key',
      JSON.stringify({ service_account_id: serviceAccountId, key_id: 'YCAJ', secret: 'YCcanary' }),
      'expected an authorized key, got a static access key (for S3)',
    ],
    [
      'B5: a key that Terraform encrypted',
      JSON.stringify({
        id: key.id,
        service_account_id: serviceAccountId,
        encrypted_private_key: 'wcBMcanary',
      }),
      'the private key is encrypted with PGP; decrypt it and put it into private_key',
    ],
    [
      'B5: a file in UTF-16',
      Buffer.from(`\uFEFF${formatKeyFile()}`, 'utf16le').toString('utf8'),
      'the key file is not encoded in UTF-8',
    ],
    [
      'B5: base64 of something else',
      Buffer.from('canary canary').toString('base64'),
      'the key file is not JSON',
    ],
    [
      'a key of Google',
      JSON.stringify({ type: 'service_account', private_key: key.privateKey, client_email: 'a@b.c' }),
      'expected an authorized key of Yandex Cloud, got a key of Google Cloud',
    ],
    [
      'the output of `yc iam create-token`',
      JSON.stringify({ iam_token: 't1.canary.canary', expires_at: '2026-11-25T00:00:00Z' }),
      'expected an authorized key, got an IAM token',
    ],
    [
      'the output of `yc iam key get`',
      formatKeyFile(key, { private_key: undefined }),
      'the key file has no private key; Yandex Cloud shows it only once, when the key is created',
    ],
    [
      'a file without the account',
      formatKeyFile(key, { service_account_id: undefined }),
      'the key file has no service_account_id',
    ],
    [
      'an id with a control character',
      formatKeyFile(key, { service_account_id: 'aje\u001b[31m' }),
      'the key file is damaged: service_account_id must be an id of Yandex Cloud: at most 50 letters, digits, - and _',
    ],
    [
      'an id that is a number',
      formatKeyFile(key, { id: 17 }),
      'the key file is damaged: id must be an id of Yandex Cloud: at most 50 letters, digits, - and _',
    ],
    [
      'an EC key',
      formatKeyFile(key, { private_key: ecKey.privateKey }),
      'expected an RSA private key, got ec',
    ],
    [
      'a small key',
      formatKeyFile(key, { private_key: smallKey.privateKey }),
      'expected a private key of 2,048 or 4,096 bits, got 1024',
    ],
    [
      'an encrypted key',
      formatKeyFile(key, { private_key: encryptedKey.privateKey }),
      'the private key is encrypted; Yandex Cloud creates keys that are not encrypted',
    ],
    [
      'an encrypted key in the traditional format',
      formatKeyFile(key, { private_key: traditionalPem }),
      'the private key is encrypted; Yandex Cloud creates keys that are not encrypted',
    ],
    [
      'a damaged key',
      formatKeyFile(key, { private_key: key.privateKey.replaceAll(/[A-Z]/g, 'A') }),
      'the private key in the file is damaged',
    ],
    [
      'a private key that is plain text',
      formatKeyFile(key, { private_key: 'canary' }),
      'the private key in the file is damaged',
    ],
    [
      'a key of another pair',
      formatKeyFile(key, { private_key: getTestKey(4096).privateKey }),
      'the private key and the public key in the file do not match',
    ],
    [
      'a public key that is plain text',
      formatKeyFile(key, { public_key: 'canary' }),
      'the private key and the public key in the file do not match',
    ],
  ];
  for (const [name, text, message] of rows) {
    it(name, () => {
      assert.throws(
        () => parseAuthorizedKey(text),
        (error) => {
          const problem = renderProblem(problemOf(error));
          assert.deepEqual([problem.code, problem.message], ['bad_request', message]);
          assert.equal(problem.hint, /OAuth/.test(message) ? 'iam-token login --oauth' : createKeyCommand);
          assert.doesNotMatch(JSON.stringify(problem), /canary|MII/);
          assert.ok(error instanceof Error && error.cause === undefined, 'it keeps nothing of the key');
          return true;
        },
      );
    });
  }
});
