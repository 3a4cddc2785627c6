import { generateKeyPairSync } from 'node:crypto';

/** An authorized key with the fields of a file of `yc iam key create`. */
export interface TestKey {
  readonly id: string;
  readonly serviceAccountId: string;
  readonly publicKey: string;
  readonly privateKey: string;
}

const keysByBits = new Map<number, TestKey>();

/** @returns the same key each time; generating one of 4,096 bits takes a second */
export function getTestKey(bits: 2048 | 4096 = 2048): TestKey {
  const cachedKey = keysByBits.get(bits);
  if (cachedKey !== undefined) return cachedKey;
  const keyPair = generateKeyPairSync('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { format: 'pem', type: 'spki' },
    privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
  });
  const key: TestKey = {
    id: `ajekey${bits}0000000000`,
    serviceAccountId: `ajesa${bits}00000000000`,
    ...keyPair,
  };
  keysByBits.set(bits, key);
  return key;
}

export const formatWarningLine = (id: string): string =>
  `PLEASE DO NOT REMOVE THIS LINE! Yandex.Cloud SA Key ID <${id}>\n`;

/** The text of the key file, with overrides. */
export function formatKeyFile(
  key: TestKey = getTestKey(),
  overrides: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify(
    {
      id: key.id,
      service_account_id: key.serviceAccountId,
      created_at: '2026-11-24T09:00:00.000000000Z',
      key_algorithm: 'RSA_2048',
      public_key: key.publicKey,
      private_key: formatWarningLine(key.id) + key.privateKey,
      ...overrides,
    },
    null,
    3,
  );
}
