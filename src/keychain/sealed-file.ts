/**
 * The format of the file store, version 1: every item in one sealed JSON object. Pure but for nonce and salt.
 *
 *      0  16  "iam-tokend store" in ASCII
 *     16   1  version: 1
 *     17   1  where the key comes from: 1 a passphrase, 2 a key of 32 or more random bytes
 *     18   1  passphrase: log2 of scrypt's N, 10 to 18 (r is 8, p is 1); key: 0
 *     19  16  salt of scrypt (passphrase) or of HKDF-SHA-256 (key); the same for as long as the store lives
 *     35  12  nonce of AES-256-GCM, random, anew for every write
 *     47   n  sealed: {"items": [[key, value], …]} as UTF-8
 *   47+n  16  tag of AES-256-GCM, with bytes 0 to 46 as the additional data
 *   63+n  32  SHA-256 of all that stands before it
 *
 * The tag alone is what keeps others from changing the file. The checksum tells a cut or rotten file from a wrong
 * passphrase, and needs no key for it; it stands at the end, and the version at 16, in every version to come.
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
import { Secret } from '../shared/secret.ts';

/** How the key of a store is made from what a person or the machine has. */
export type KeyRecipe =
  | { readonly kind: 'passphrase'; readonly log2N: number; readonly salt: Buffer }
  | { readonly kind: 'key'; readonly salt: Buffer };

/** A file that is whole; whether it is genuine only its key can tell. */
export interface SealedFile {
  readonly recipe: KeyRecipe;
  readonly header: Buffer;
  readonly nonce: Buffer;
  readonly sealed: Buffer;
  readonly tag: Buffer;
}

export type Items = ReadonlyMap<string, Secret>;

/** `costly`: scrypt would take more memory or time than any store of ours asks for. */
export type SealedFault = 'foreign' | 'damaged' | 'newer' | 'costly';

const magic = Buffer.from('iam-tokend store', 'latin1');
const version = 1;
const kinds = { passphrase: 1, key: 2 } as const;
const at = { version: 16, kind: 17, log2N: 18, salt: 19, nonce: 35, sealed: 47 } as const;
const tagBytes = 16;
const checksumBytes = 32;

/** scrypt takes 2^log2N KiB: 1 MiB at least, 256 MiB at most, which is a second of a slow machine. */
const log2NAtLeast = 10;
const log2NAtMost = 18;

/** Block size and parallelism as RFC 7914 recommends; only N is ours to choose. */
const r = 8;
const p = 1;
const keyBytes = 32;

const content = v.object({ items: v.array(v.tuple([v.string(), v.string()])) });

/** A recipe for a new store: with a passphrase if `log2N` is given, else with a key. */
export function newRecipe(log2N?: number): KeyRecipe {
  const salt = randomBytes(at.nonce - at.salt);
  return log2N === undefined ? { kind: 'key', salt } : { kind: 'passphrase', log2N, salt };
}

/** The whole file. Its nonce is made here, so that no caller can use one twice. */
export function seal(recipe: KeyRecipe, key: KeyObject, items: Items): Buffer {
  const nonce = randomBytes(at.sealed - at.nonce);
  const log2N = recipe.kind === 'passphrase' ? recipe.log2N : 0;
  const header = Buffer.concat([magic, Buffer.of(version, kinds[recipe.kind], log2N), recipe.salt, nonce]);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(header);
  const pairs = [...items].map(([name, value]) => [name, value.expose()]);
  const sealed = cipher.update(JSON.stringify({ items: pairs }), 'utf8');
  const body = Buffer.concat([header, sealed, cipher.final(), cipher.getAuthTag()]);
  return Buffer.concat([body, checksum(body)]);
}

/** Reads all that can be read without a key. */
export function parseSealed(bytes: Buffer): SealedFile | SealedFault {
  const begin = bytes.subarray(0, magic.length);
  if (!begin.equals(magic.subarray(0, begin.length))) return 'foreign';
  const body = bytes.subarray(0, -checksumBytes);
  if (body.length < at.sealed + tagBytes || !checksum(body).equals(bytes.subarray(body.length))) {
    return 'damaged';
  }
  if (body[at.version] !== version) return 'newer';
  const salt = body.subarray(at.salt, at.nonce);
  const recipe = recipeOf(body[at.kind] ?? 0, body[at.log2N] ?? 0, salt);
  if (typeof recipe === 'string') return recipe;
  return {
    recipe,
    header: body.subarray(0, at.sealed),
    nonce: body.subarray(at.nonce, at.sealed),
    sealed: body.subarray(at.sealed, -tagBytes),
    tag: body.subarray(-tagBytes),
  };
}

/** `null`: the key is another one, or somebody changed the file and its checksum. */
export function openSealed({ header, nonce, sealed, tag }: SealedFile, key: KeyObject): Items | null {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(header).setAuthTag(tag);
  try {
    const text = Buffer.concat([decipher.update(sealed), decipher.final()]).toString('utf8');
    const { items } = v.parse(content, JSON.parse(text));
    return new Map(items.map(([name, value]) => [name, new Secret(value)]));
  } catch {
    // The tag does not fit; past it, the parsers would quote the secrets in what they throw.
    return null;
  }
}

function recipeOf(kind: number, log2N: number, salt: Buffer): KeyRecipe | 'damaged' | 'costly' {
  if (kind === kinds.key) return log2N === 0 ? { kind: 'key', salt } : 'damaged';
  if (kind !== kinds.passphrase) return 'damaged';
  return log2N < log2NAtLeast || log2N > log2NAtMost ? 'costly' : { kind: 'passphrase', log2N, salt };
}

function checksum(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

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
