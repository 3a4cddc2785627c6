import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import { isResourceId, resourceIdRule } from '../../shared/resource-id.ts';
import { parseTimestampMs } from '../exchange/token-response.ts';
import { createKeyFileError, parseKeyFileText } from './key-file-text.ts';

export interface AuthorizedKey {
  readonly id: string;
  readonly serviceAccountId: string;
  readonly privateKey: KeyObject;
  /** Absent if the file has no valid time. */
  readonly createdAtMs?: number;
}

type KeyFileFields = Readonly<Record<string, unknown>>;

const minKeyBits = 2_048;
/** Yandex Cloud creates keys of 2,048 and 4,096 bits; much larger ones would block the event loop. */
const maxKeyBits = 8_192;

/**
 * Parses the authorized key of a service account: `{"id","service_account_id","public_key","private_key",…}`, the same
 * in camelCase or with `key_id` (yandex.cloud/en/docs/iam/concepts/authorization/key, November 2026), or IAM's own
 * response `{"key":{"id","serviceAccountId",…},"privateKey"}`
 * (yandex.cloud/en/docs/iam/api-ref/Key/create, November 2026).
 *
 * @throws IamTokenError `bad_request`; the message names what the text is instead, without any part of it
 */
export function parseAuthorizedKey(text: string): AuthorizedKey {
  const file = parseKeyFile(text);
  const id = parseId(file, ['id', 'key_id', 'keyId']);
  const serviceAccountId = parseId(file, ['service_account_id', 'serviceAccountId']);
  const pem = file['private_key'] ?? file['privateKey'];
  if (typeof pem !== 'string' || pem.trim() === '') {
    throw createKeyFileError(
      'the key file has no private key; Yandex Cloud shows it only once, when the key is created',
    );
  }
  const privateKey = parseRsaKey(normalizePem(pem));
  const publicPem = file['public_key'] ?? file['publicKey'] ?? '';
  if (publicPem !== '' && !isPublicKeyOf(publicPem, privateKey)) {
    throw createKeyFileError('the private key and the public key in the file do not match');
  }
  const createdAtMs = parseTime(file['created_at'] ?? file['createdAt']);
  return { id, serviceAccountId, privateKey, ...omitUndefined({ createdAtMs }) };
}

/** Fields of JSON files that are often used by mistake. */
const unsupportedFields: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:client_email|private_key_id)$/,
    'expected an authorized key of Yandex Cloud, got a key of Google Cloud',
  ],
  [/^api_?key$/i, 'expected an authorized key, got an API key'],
  [
    /^(?:access_?key(?:_?id)?|secret_?access_?key)$/i,
    'expected an authorized key, got a static access key (for S3)',
  ],
  [/^iam_?token$/i, 'expected an authorized key, got an IAM token'],
];

/** The same for files without a private key: an authorized key may have these fields too. */
const unsupportedFieldsWithoutKey: typeof unsupportedFields = [
  [
    /^encrypted_?private_?key$/i,
    'the private key is encrypted with PGP; decrypt it and put it into private_key',
  ],
  [/^key_?id$/i, 'expected an authorized key, got a static access key (for S3)'],
];

function parseKeyFile(text: string): KeyFileFields {
  const value = parseKeyFileText(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw createKeyFileError('the key file is not a JSON object');
  }
  const file = flattenResponse(value as KeyFileFields);
  const fieldNames = Object.keys(file);
  const hasPrivateKey = fieldNames.some((name) => /^private_?key$/i.test(name));
  const unsupportedField = [...unsupportedFields, ...(hasPrivateKey ? [] : unsupportedFieldsWithoutKey)].find(
    ([pattern]) => fieldNames.some((name) => pattern.test(name)),
  );
  if (unsupportedField !== undefined) throw createKeyFileError(unsupportedField[1]);
  return file;
}

/** IAM's response has the fields of the key one level down. */
function flattenResponse(file: KeyFileFields): KeyFileFields {
  const { key, ...fields } = file;
  return typeof key === 'object' && key !== null ? { ...(key as KeyFileFields), ...fields } : file;
}

function parseId(file: KeyFileFields, names: readonly [string, ...string[]]): string {
  const [name] = names;
  const id = names.map((candidate) => file[candidate]).find((value) => value !== undefined);
  if (id === undefined) throw createKeyFileError(`the key file has no ${name}`);
  if (typeof id === 'string' && isResourceId(id)) return id;
  throw createKeyFileError(`the key file is damaged: ${name} ${resourceIdRule}`);
}

function parseTime(value: unknown): number | undefined {
  return typeof value === 'string' ? (parseTimestampMs(value) ?? undefined) : undefined;
}

/** Templates and shells escape line ends twice, and editors indent lines. */
function normalizePem(pem: string): string {
  return pem.replace(/(?:\\r)?\\n/g, '\n').replace(/^[ \t]+/gm, '');
}

/** The PEM may follow a line of warning from Yandex Cloud, which Node ignores. */
function parseRsaKey(pem: string): KeyObject {
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw createKeyFileError(
      'the private key is encrypted; Yandex Cloud creates keys that are not encrypted',
    );
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // Without `cause`: OpenSSL's message does not help a user and may contain parts of the key.
    throw createKeyFileError('the private key in the file is damaged');
  }
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== 'rsa') {
    throw createKeyFileError(`expected an RSA private key, got ${key.asymmetricKeyType}`);
  }
  if (modulusLength < minKeyBits || modulusLength > maxKeyBits) {
    throw createKeyFileError(`expected a private key of 2,048 or 4,096 bits, got ${modulusLength}`);
  }
  return key;
}

function isPublicKeyOf(publicPem: unknown, privateKey: KeyObject): boolean {
  if (typeof publicPem !== 'string') return false;
  try {
    return createPublicKey(normalizePem(publicPem)).equals(createPublicKey(privateKey));
  } catch {
    // Not a key, so not the right one.
    return false;
  }
}
