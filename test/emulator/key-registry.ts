import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { AuthorizedKey } from './accounts.ts';

export type KeyAlgorithm = 'RSA_2048' | 'RSA_4096';
export type KeyPermission = 'create' | 'list' | 'delete';

/** A key as the service knows it. */
export interface RegisteredKey extends AuthorizedKey {
  readonly description: string;
  readonly keyAlgorithm: KeyAlgorithm;
  readonly createdAtMs: number;
  /** `null` before the first exchange. */
  lastUsedAtMs: number | null;
  /** Until then, no exchange finds the key. */
  readonly usableAtMs: number;
}

/** What a key may have besides its public part. */
export type KeyDetails = Partial<Pick<RegisteredKey, 'description' | 'createdAtMs'>>;

interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

export interface KeyRequest {
  readonly serviceAccountId: string;
  readonly description: string;
  readonly keyAlgorithm: KeyAlgorithm;
}

const allPermissions: readonly KeyPermission[] = ['create', 'list', 'delete'];

/** The authorized keys of all service accounts, and who may manage them. */
export class KeyRegistry {
  /** At most this many keys for each account. */
  quota = Infinity;
  /** How long a new key stays unknown to exchanges, in milliseconds. */
  propagationDelayMs = 0;
  /** The clock of new keys is this far ahead, in milliseconds. */
  createdAtOffsetMs = 0;
  /** Replaceable, because a new pair takes a tenth of a second. */
  generateKeyPair: (algorithm: KeyAlgorithm) => KeyPair = generateRsaKeyPair;
  readonly #keys = new Map<string, RegisteredKey>();
  readonly #permissions = new Map<string, readonly KeyPermission[]>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Registers a key that was created elsewhere. */
  add({ id, serviceAccountId, publicKey }: AuthorizedKey, details: KeyDetails = {}): void {
    this.#keys.set(id, {
      id,
      serviceAccountId,
      publicKey,
      description: '',
      keyAlgorithm: 'RSA_2048',
      createdAtMs: this.#nowMs(),
      lastUsedAtMs: null,
      usableAtMs: -Infinity,
      ...details,
    });
  }

  /** @returns the new key and its private part, which the service forgets; `null` if the quota is reached */
  create(request: KeyRequest): { readonly key: RegisteredKey; readonly privateKey: string } | null {
    if (this.list(request.serviceAccountId).length >= this.quota) return null;
    const { publicKey, privateKey } = this.generateKeyPair(request.keyAlgorithm);
    const nowMs = this.#nowMs();
    const key: RegisteredKey = {
      ...request,
      id: `ajek${randomBytes(8).toString('hex')}`,
      publicKey,
      createdAtMs: nowMs + this.createdAtOffsetMs,
      lastUsedAtMs: null,
      usableAtMs: nowMs + this.propagationDelayMs,
    };
    this.#keys.set(key.id, key);
    return { key, privateKey };
  }

  /** Its IAM tokens end with it. @returns whether there was such a key */
  delete(id: string): boolean {
    return this.#keys.delete(id);
  }

  has(id: string): boolean {
    return this.#keys.has(id);
  }

  find(id: string): RegisteredKey | undefined {
    return this.#keys.get(id);
  }

  /** For an exchange: a key that is not known everywhere yet is not found. */
  findUsable(id: unknown): RegisteredKey | undefined {
    const key = typeof id === 'string' ? this.#keys.get(id) : undefined;
    return key === undefined || key.usableAtMs > this.#nowMs() ? undefined : key;
  }

  /** The oldest first. */
  list(serviceAccountId: string): readonly RegisteredKey[] {
    return [...this.#keys.values()].filter((key) => key.serviceAccountId === serviceAccountId);
  }

  /** Grants a role for the keys of the service account: all of `iam.serviceAccounts.keyAdmin` unless given. */
  grant(subject: string, serviceAccountId: string, permissions = allPermissions): void {
    this.#permissions.set(`${subject} ${serviceAccountId}`, permissions);
  }

  isGranted(permission: KeyPermission, subject: string, serviceAccountId: string): boolean {
    return this.#permissions.get(`${subject} ${serviceAccountId}`)?.includes(permission) === true;
  }
}

function generateRsaKeyPair(algorithm: KeyAlgorithm): KeyPair {
  return generateKeyPairSync('rsa', {
    modulusLength: algorithm === 'RSA_4096' ? 4_096 : 2_048,
    publicKeyEncoding: { format: 'pem', type: 'spki' },
    privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
  });
}
