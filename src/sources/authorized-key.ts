import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { ProblemError } from '../shared/errors.ts';
import { resourceIdPattern, resourceIdRule } from '../shared/resource-id.ts';
import { refusal } from './credential-kind.ts';

export interface AuthorizedKey {
  readonly id: string;
  readonly serviceAccountId: string;
  readonly privateKey: KeyObject;
}

type Fields = Readonly<Record<string, unknown>>;

const makeOne = 'yc iam key create --service-account-id ID -o key.json';
const fewestBits = 2_048;
/** Yandex Cloud makes keys of 2,048 and 4,096 bits; a larger one would only keep the daemon busy. */
const mostBits = 8_192;

/**
 * The authorized key of a service account: `{"id","service_account_id","public_key","private_key",…}`, or the same
 * in camelCase (yandex.cloud/en/docs/iam/concepts/authorization/key, November 2026).
 *
 * @throws ProblemError `bad_request`, naming what is there instead; no part of the key is in it
 */
export function readAuthorizedKey(text: string): AuthorizedKey {
  const file = fieldsOf(text);
  const id = idIn(file, 'id', 'id');
  const serviceAccountId = idIn(file, 'service_account_id', 'serviceAccountId');
  const pem = file['private_key'] ?? file['privateKey'];
  if (typeof pem !== 'string' || pem.trim() === '') {
    throw refused('the key file has no private key: Yandex Cloud shows it once, when the key is made');
  }
  const privateKey = rsaKeyIn(pem);
  const publicPem = file['public_key'] ?? file['publicKey'];
  if (publicPem !== undefined && !belongsTo(publicPem, privateKey)) {
    throw refused('the private key and the public key of the file do not belong together');
  }
  return { id, serviceAccountId, privateKey };
}

/** What a person may have taken for the file, by its text. */
const otherTexts: readonly (readonly [RegExp, string, string?])[] = [
  [/^$/, 'the key file is empty'],
  [/^-----BEGIN /, 'this is a bare PEM key; the whole JSON file of an authorized key is needed'],
  [/^(?:y[0-3]_|AQAA)\S*$/, 'this is an OAuth token, no key file', 'iam-token login'],
  [/^t1\.\S*$/, 'this is an IAM token, no key file'],
  [/^AQVN\S*$/, 'this is an API key; an authorized key is needed'],
];

/** What a person may have taken for the authorized key, by the name of a field in it. */
const otherFiles: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:client_email|private_key_id)$/,
    'this is a key of Google Cloud; an authorized key of Yandex Cloud is needed',
  ],
  [/^api_?key$/i, 'this is an API key; an authorized key is needed'],
  [
    /^(?:access_?key|(?:access_?)?key_?id)$/i,
    'this is a static access key, for S3; an authorized key is needed',
  ],
  [/^iam_?token$/i, 'this is an IAM token; an authorized key is needed'],
];

function fieldsOf(text: string): Fields {
  const trimmed = text.replace(/^\uFEFF/, '').trim();
  for (const [pattern, message, hint] of otherTexts) if (pattern.test(trimmed)) throw refused(message, hint);
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch {
    // The parser's own message would quote the key.
    throw refused(
      trimmed.startsWith('{')
        ? 'the key file is cut off or damaged: its JSON is broken'
        : 'the key file is no JSON',
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refused('the key file holds JSON, but no object');
  }
  const file = value as Fields;
  const names = Object.keys(file);
  const other = otherFiles.find(([pattern]) => names.some((name) => pattern.test(name)));
  if (other !== undefined) throw refused(other[1]);
  return file;
}

function idIn(file: Fields, snake: string, camel: string): string {
  const id = file[snake] ?? file[camel];
  if (id === undefined) throw refused(`the key file has no ${snake}`);
  if (typeof id === 'string' && resourceIdPattern.test(id)) return id;
  throw refused(`the key file is damaged: ${snake} ${resourceIdRule}`);
}

/** Yandex Cloud writes a line of warning before the key, which is no part of it. */
function rsaKeyIn(pem: string): KeyObject {
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw refused('the private key is encrypted; an authorized key as Yandex Cloud makes it is not');
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // OpenSSL's own message says nothing to a person, and could only tell of the key.
    throw refused('the private key in the file is damaged');
  }
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== 'rsa') {
    throw refused(`the private key is of type ${key.asymmetricKeyType}; an RSA key is needed`);
  }
  if (modulusLength < fewestBits || modulusLength > mostBits) {
    throw refused(`the private key has ${modulusLength} bits; 2,048 or 4,096 are needed`);
  }
  return key;
}

function belongsTo(publicPem: unknown, privateKey: KeyObject): boolean {
  if (typeof publicPem !== 'string') return false;
  try {
    return createPublicKey(publicPem).equals(createPublicKey(privateKey));
  } catch {
    // What is no key belongs to none.
    return false;
  }
}

function refused(message: string, hint = makeOne): ProblemError {
  return refusal(message, hint);
}
