import { createSecretKey, hkdfSync, type KeyObject, scrypt } from 'node:crypto';
import type { Secret } from '../shared/secret.ts';
import type { KeyRecipe } from './sealed-file.ts';

const keyBytes = 32;

/** Block size and parallelism as RFC 7914 recommends; only N is ours to choose. */
const r = 8;
const p = 1;

/**
 * scrypt in libuv's pool, so that the event loop goes on; takes 2^log2N KiB of memory.
 * The passphrase counts in Unicode's form NFC, so that it does not matter which keyboard it was typed on.
 */
export function keyFromPassphrase(
  passphrase: Secret,
  { log2N, salt }: KeyRecipe & { readonly kind: 'passphrase' },
): Promise<KeyObject> {
  const N = 2 ** log2N;
  // What OpenSSL reckons that it needs, to the byte.
  const maxmem = 128 * r * (N + p + 2);
  return new Promise((resolve, reject) => {
    scrypt(passphrase.expose().normalize('NFC'), salt, keyBytes, { N, r, p, maxmem }, (error, key) =>
      error === null ? resolve(createSecretKey(key)) : reject(error),
    );
  });
}

/** @param bytes random, 32 or more */
export function keyFromBytes(bytes: Buffer, salt: Buffer): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', bytes, salt, 'iam-tokend store', keyBytes)));
}
