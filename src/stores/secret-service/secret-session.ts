/**
 * A session of the Secret Service: secrets cross the bus encrypted, as with libsecret. "Transfer of Secrets" of the Secret
 * Service API 0.2: dh-ietf1024-sha256-aes128-cbc-pkcs7, or `plain` if the service has only that.
 */
import {
  createCipheriv,
  createDecipheriv,
  createDiffieHellmanGroup,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import { DBusError } from './dbus-connection.ts';
import { DBusConnectionError, type DBusValue } from './dbus-message.ts';
import type { SecretServiceClient } from './secret-service-client.ts';

export interface SecretSession {
  readonly path: string;
  /** A struct `(oayays)`. */
  encrypt(value: string): DBusValue;
  /** @throws DBusConnectionError for an invalid struct */
  decrypt(secret: DBusValue): string;
}

const algorithm = 'dh-ietf1024-sha256-aes128-cbc-pkcs7';
const cipher = 'aes-128-cbc';
const keyBytes = 16;
/** "Second Oakley Group" of RFC 2409, 6.2. */
const groupName = 'modp2';
const contentType = 'text/plain';

export async function openSecretSession(client: SecretServiceClient): Promise<SecretSession> {
  const group = createDiffieHellmanGroup(groupName);
  const publicKey = group.generateKeys();
  try {
    const { path, output } = await client.openSession(algorithm, { signature: 'ay', value: [...publicKey] });
    const sharedSecret = group.computeSecret(bytesOf(output));
    const key = Buffer.from(hkdfSync('sha256', sharedSecret, Buffer.alloc(0), Buffer.alloc(0), keyBytes));
    return createEncryptedSession(path, key);
  } catch (error) {
    if (!(error instanceof DBusError)) throw error;
    const { path } = await client.openSession('plain', { signature: 's', value: '' });
    return createPlainSession(path);
  }
}

function createEncryptedSession(path: string, key: Buffer): SecretSession {
  return {
    path,
    encrypt(value) {
      const iv = randomBytes(keyBytes);
      const aes = createCipheriv(cipher, key, iv);
      const bytes = Buffer.concat([aes.update(value, 'utf8'), aes.final()]);
      return [path, [...iv], [...bytes], contentType];
    },
    decrypt(secret) {
      const [iv, bytes] = parseSecret(secret);
      const aes = createDecipheriv(cipher, key, iv);
      return Buffer.concat([aes.update(bytes), aes.final()]).toString();
    },
  };
}

function createPlainSession(path: string): SecretSession {
  return {
    path,
    encrypt: (value) => [path, [], [...Buffer.from(value)], contentType],
    decrypt: (secret) => parseSecret(secret)[1].toString(),
  };
}

function parseSecret(secret: DBusValue): readonly [parameters: Buffer, value: Buffer] {
  if (!Array.isArray(secret)) throw new DBusConnectionError('invalid secret');
  const [, parameters, value] = secret as readonly DBusValue[];
  return [bytesOf(parameters), bytesOf(value)];
}

function bytesOf(value: DBusValue | undefined): Buffer {
  if (!Array.isArray(value)) throw new DBusConnectionError('invalid bytes');
  return Buffer.from(value as readonly number[]);
}
