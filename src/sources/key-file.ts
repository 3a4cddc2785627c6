import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { type Problem, ProblemError } from '../shared/errors.ts';
import { resourceIdPattern, resourceIdRule } from '../shared/resource-id.ts';

export interface KeyFile {
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
export function readKeyFile(text: string): KeyFile {
  const file = fieldsOf(text);
  refuseOtherKinds(file);
  const id = idIn(file, 'id', 'id');
  const serviceAccountId = idIn(file, 'service_account_id', 'serviceAccountId');
  const pem = file['private_key'] ?? file['privateKey'];
  if (typeof pem !== 'string' || pem.trim() === '') {
    throw refusal(
      'the key file has no private key: Yandex Cloud shows it once, when the key is made',
      makeOne,
    );
  }
  const privateKey = rsaKeyIn(pem);
  const publicPem = file['public_key'] ?? file['publicKey'];
  if (publicPem !== undefined && !belongsTo(publicPem, privateKey)) {
    throw refusal('the private key and the public key of the file do not belong together', makeOne);
  }
  return { id, serviceAccountId, privateKey };
}

function fieldsOf(text: string): Fields {
  const trimmed = text.replace(/^\uFEFF/, '').trim();
  if (trimmed === '') throw refusal('the key file is empty', makeOne);
  if (trimmed.startsWith('-----BEGIN ')) {
    throw refusal('this is a bare PEM key; the whole JSON file of an authorized key is needed', makeOne);
  }
  if (/^(?:y[0-3]_|AQAA)\S*$/.test(trimmed))
    throw refusal('this is an OAuth token, no key file', 'iam-token login');
  if (/^t1\.\S*$/.test(trimmed)) throw refusal('this is an IAM token, no key file', makeOne);
  if (/^AQVN\S*$/.test(trimmed)) throw refusal('this is an API key; an authorized key is needed', makeOne);
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch {
    // The parser's own message would quote the key.
    throw refusal(
      trimmed.startsWith('{')
        ? 'the key file is cut off or damaged: its JSON is broken'
        : 'the key file is no JSON',
      makeOne,
    );
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw refusal('the key file holds JSON, but no object', makeOne);
}

/** Names what a person may have taken for the authorized key. */
function refuseOtherKinds(file: Fields): void {
  if (file['type'] === 'service_account' || file['client_email'] !== undefined) {
    throw refusal('this is a key of Google Cloud; an authorized key of Yandex Cloud is needed', makeOne);
  }
  if (file['api_key'] !== undefined || file['apiKey'] !== undefined) {
    throw refusal('this is an API key; an authorized key is needed', makeOne);
  }
  if (
    ['access_key', 'accessKey', 'AccessKeyId', 'key_id', 'keyId'].some((name) => file[name] !== undefined)
  ) {
    throw refusal('this is a static access key, for S3; an authorized key is needed', makeOne);
  }
  if (file['iam_token'] !== undefined || file['iamToken'] !== undefined) {
    throw refusal('this is an IAM token; an authorized key is needed', makeOne);
  }
}

function idIn(file: Fields, snake: string, camel: string): string {
  const id = file[snake] ?? file[camel];
  if (id === undefined) throw refusal(`the key file has no ${snake}`, makeOne);
  if (typeof id === 'string' && resourceIdPattern.test(id)) return id;
  throw refusal(`the key file is damaged: ${snake} ${resourceIdRule}`, makeOne);
}

/** Yandex Cloud writes a line of warning before the key, which is no part of it. */
function rsaKeyIn(pem: string): KeyObject {
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw refusal('the private key is encrypted; an authorized key as Yandex Cloud makes it is not', makeOne);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // OpenSSL's own message says nothing to a person, and could only tell of the key.
    throw refusal('the private key in the file is damaged', makeOne);
  }
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== 'rsa') {
    throw refusal(`the private key is of type ${key.asymmetricKeyType}; an RSA key is needed`, makeOne);
  }
  if (modulusLength < fewestBits || modulusLength > mostBits) {
    throw refusal(`the private key has ${modulusLength} bits; 2,048 or 4,096 are needed`, makeOne);
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

function refusal(message: string, hint: string): ProblemError {
  return new ProblemError({ code: 'bad_request', message, hint } satisfies Problem);
}
