/**
 * The format of the file store, version 1: all items in one encrypted JSON object. Pure except for random nonces and salts.
 *
 *      0  16  "iam-tokend store" in ASCII
 *     16   1  version: 1
 *     17   1  source of the key: 1 a passphrase, 2 a key of 32 or more random bytes
 *     18   1  passphrase: log2 of scrypt's N, 10 to 18 (r is 8, p is 1); key: 0
 *     19  16  salt of scrypt (passphrase) or of HKDF-SHA-256 (key); never changes
 *     35  12  nonce of AES-256-GCM, random for each write
 *     47   n  ciphertext of {"items": [[key, value], …]} in UTF-8
 *   47+n  16  tag of AES-256-GCM, with bytes 0 to 46 as the additional data
 *   63+n  32  SHA-256 of all bytes before it
 *
 * The tag alone authenticates the file. The checksum distinguishes a damaged file from a wrong passphrase without a key.
 * Future versions keep the version at offset 16 and the checksum at the end.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  scrypt,
} from 'node:crypto';
import * as v from 'valibot';
import { Secret } from '../../shared/secret.ts';

/** How the key of a store is derived. */
export type KdfParams =
  | { readonly kind: 'passphrase'; readonly log2N: number; readonly salt: Buffer }
  | { readonly kind: 'key'; readonly salt: Buffer };

/** A complete file. Only its key can authenticate it. */
export interface SealedFile {
  readonly kdfParams: KdfParams;
  readonly header: Buffer;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** The key of a store, and how it was derived. */
export interface UnlockedKey {
  readonly kdfParams: KdfParams;
  readonly key: KeyObject;
}

export type Items = ReadonlyMap<string, Secret>;

/** `costly`: scrypt would take more memory or time than in any store that iam-tokend writes. */
export type SealedFileDefect = 'foreign' | 'damaged' | 'newer' | 'costly';

const magic = Buffer.from('iam-tokend store', 'latin1');
const version = 1;
const kdfKindCodes = { passphrase: 1, key: 2 } as const;
const offsets = { version: 16, kind: 17, log2N: 18, salt: 19, nonce: 35, sealed: 47 } as const;
const tagBytes = 16;
const checksumBytes = 32;

/** scrypt takes 2^log2N KiB: 1 to 256 MiB, at most a second on a slow machine. */
const minLog2N = 10;
const maxLog2N = 18;

/** Block size and parallelism, as RFC 7914 recommends. */
const r = 8;
const p = 1;
const keyBytes = 32;

const contentSchema = v.object({ items: v.array(v.tuple([v.string(), v.string()])) });

/** For a new store: with a passphrase if `log2N` is set, otherwise with a key. */
export function createKdfParams(log2N?: number): KdfParams {
  const salt = randomBytes(offsets.nonce - offsets.salt);
  return log2N === undefined ? { kind: 'key', salt } : { kind: 'passphrase', log2N, salt };
}

/** The whole file. Creates the nonce itself, so that no caller can use one twice. */
export function seal(kdfParams: KdfParams, key: KeyObject, items: Items): Buffer {
  const nonce = randomBytes(offsets.sealed - offsets.nonce);
  const log2N = kdfParams.kind === 'passphrase' ? kdfParams.log2N : 0;
  const header = Buffer.concat([
    magic,
    Buffer.of(version, kdfKindCodes[kdfParams.kind], log2N),
    kdfParams.salt,
    nonce,
  ]);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(header);
  const pairs = [...items].map(([name, value]) => [name, value.expose()]);
  const ciphertext = cipher.update(JSON.stringify({ items: pairs }), 'utf8');
  const body = Buffer.concat([header, ciphertext, cipher.final(), cipher.getAuthTag()]);
  return Buffer.concat([body, checksumOf(body)]);
}

/** Parses the parts that need no key. */
export function parseSealedFile(bytes: Buffer): SealedFile | SealedFileDefect {
  const prefix = bytes.subarray(0, magic.length);
  if (!prefix.equals(magic.subarray(0, prefix.length))) return 'foreign';
  const body = bytes.subarray(0, -checksumBytes);
  if (body.length < offsets.sealed + tagBytes || !checksumOf(body).equals(bytes.subarray(body.length))) {
    return 'damaged';
  }
  if (body[offsets.version] !== version) return 'newer';
  const salt = body.subarray(offsets.salt, offsets.nonce);
  const kdfParams = parseKdfParams(body[offsets.kind] ?? 0, body[offsets.log2N] ?? 0, salt);
  if (typeof kdfParams === 'string') return kdfParams;
  return {
    kdfParams,
    header: body.subarray(0, offsets.sealed),
    nonce: body.subarray(offsets.nonce, offsets.sealed),
    ciphertext: body.subarray(offsets.sealed, -tagBytes),
    tag: body.subarray(-tagBytes),
  };
}

/** `null` for a wrong key, or a changed file with a matching checksum. */
export function unseal({ header, nonce, ciphertext, tag }: SealedFile, key: KeyObject): Items | null {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(header).setAuthTag(tag);
  try {
    const text = Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8');
    const { items } = v.parse(contentSchema, JSON.parse(text));
    return new Map(items.map(([name, value]) => [name, new Secret(value)]));
  } catch {
    // The tag does not match. The errors of the parsers may contain secrets.
    return null;
  }
}

function parseKdfParams(kind: number, log2N: number, salt: Buffer): KdfParams | 'damaged' | 'costly' {
  if (kind === kdfKindCodes.key) return log2N === 0 ? { kind: 'key', salt } : 'damaged';
  if (kind !== kdfKindCodes.passphrase) return 'damaged';
  return log2N < minLog2N || log2N > maxLog2N ? 'costly' : { kind: 'passphrase', log2N, salt };
}

function checksumOf(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/**
 * Runs scrypt in libuv's thread pool; takes 2^log2N KiB of memory. The passphrase is normalized to NFC, because keyboards
 * differ in how they compose characters.
 */
export function keyFromPassphrase(
  passphrase: Secret,
  { log2N, salt }: KdfParams & { readonly kind: 'passphrase' },
): Promise<KeyObject> {
  const N = 2 ** log2N;
  // The amount that OpenSSL computes for these parameters; it rejects a lower limit.
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
