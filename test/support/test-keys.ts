import { generateKeyPairSync } from 'node:crypto';

/** An authorized key as `yc iam key create` writes it to its file. */
export interface TestKey {
  readonly id: string;
  readonly serviceAccountId: string;
  readonly publicKey: string;
  readonly privateKey: string;
}

const made = new Map<number, TestKey>();

/** @returns the same key each time: one of 4,096 bits takes a second to find */
export function testKey(bits: 2048 | 4096 = 2048): TestKey {
  const known = made.get(bits);
  if (known !== undefined) return known;
  const pair = generateKeyPairSync('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { format: 'pem', type: 'spki' },
    privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
  });
  const key: TestKey = {
    id: `ajekey${bits}0000000000`,
    serviceAccountId: `ajesa${bits}00000000000`,
    ...pair,
  };
  made.set(bits, key);
  return key;
}

export const warningLine = (id: string): string =>
  `PLEASE DO NOT REMOVE THIS LINE! Yandex.Cloud SA Key ID <${id}>\n`;

/** The text of the file, with changes. */
export function keyFile(key: TestKey = testKey(), change: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify(
    {
      id: key.id,
      service_account_id: key.serviceAccountId,
      created_at: '2026-11-24T09:00:00.000000000Z',
      key_algorithm: 'RSA_2048',
      public_key: key.publicKey,
      private_key: warningLine(key.id) + key.privateKey,
      ...change,
    },
    null,
    3,
  );
}
