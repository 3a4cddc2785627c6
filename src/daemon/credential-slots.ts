import * as v from 'valibot';
import type { CredentialStore, Manner } from '../keychain/credential-store.ts';
import { Secret } from '../shared/secret.ts';
import { ProblemError } from '../shared/errors.ts';
import type { IamToken } from '../token/iam-token.ts';

/** A credential and the installation that confirmed it; it is never sent to another. */
export interface StoredCredential {
  readonly kind: string;
  readonly endpoint: string;
  readonly audience: string;
  readonly credential: Secret;
}

export interface KeptToken {
  readonly token: IamToken;
  /** IAM's clock minus the local one when the token was kept. */
  readonly clockOffsetMs: number;
}

const credentialItem = v.object({
  v: v.literal(1),
  kind: v.string(),
  endpoint: v.string(),
  audience: v.string(),
  credential: v.string(),
});

/** Twice as long as any IAM token lives. */
const longestLifeMs = 24 * 60 * 60_000;
/** The greatest time that a `Date` can have (ECMA-262, 21.4.1.1). */
const latestMs = 8.64e15;
const time = v.pipe(v.number(), v.minValue(0), v.maxValue(latestMs));

const tokenItem = v.pipe(
  v.object({
    v: v.literal(1),
    token: v.pipe(v.string(), v.minLength(1)),
    subject: v.nullable(v.string()),
    expiresAtMs: time,
    receivedAtMs: time,
    clockOffsetMs: v.pipe(v.number(), v.minValue(-latestMs), v.maxValue(latestMs)),
  }),
  v.check(({ expiresAtMs, receivedAtMs }) => expiresAtMs - receivedAtMs <= longestLifeMs),
);

/**
 * What lies in the store: for each slot one item with the credential and, once there is one, one with the last IAM
 * token. Items are named by instance and slot, so that a test or a second configuration never touches another's.
 */
export class CredentialSlots {
  readonly #store: CredentialStore;
  readonly #instance: string;

  constructor(store: CredentialStore, instance: string) {
    this.#store = store;
    this.#instance = instance;
  }

  /** @returns `null` for an empty slot; throws as the store does, and `login_required` for what we did not write */
  async readCredential(slot: string, manner: Manner = 'unasked'): Promise<StoredCredential | null> {
    const item = await this.#store.read(this.#credentialKey(slot), manner);
    if (item === null) return null;
    const parsed = parseItem(credentialItem, item);
    if (parsed === null) {
      throw new ProblemError({
        code: 'login_required',
        message: 'the stored credential is not one that iam-tokend wrote',
      });
    }
    const { kind, endpoint, audience, credential } = parsed;
    return { kind, endpoint, audience, credential: new Secret(credential) };
  }

  async writeCredential(slot: string, stored: StoredCredential, manner: Manner): Promise<void> {
    const { kind, endpoint, audience, credential } = stored;
    const item = JSON.stringify({ v: 1, kind, endpoint, audience, credential: credential.expose() });
    await this.#store.write(this.#credentialKey(slot), new Secret(item), manner);
  }

  /** An unreadable kept token is no token: the credential makes a new one. */
  async readToken(slot: string, manner: Manner = 'unasked'): Promise<KeptToken | null> {
    const item = await this.#store.read(this.#tokenKey(slot), manner);
    const parsed = item === null ? null : parseItem(tokenItem, item);
    if (parsed === null) return null;
    const { token, subject, expiresAtMs, receivedAtMs, clockOffsetMs } = parsed;
    return { token: { value: new Secret(token), subject, expiresAtMs, receivedAtMs }, clockOffsetMs };
  }

  async writeToken(slot: string, { token, clockOffsetMs }: KeptToken): Promise<void> {
    const { value, ...rest } = token;
    const item = JSON.stringify({ v: 1, token: value.expose(), ...rest, clockOffsetMs });
    await this.#store.write(this.#tokenKey(slot), new Secret(item), 'unasked');
  }

  async remove(slot: string, manner: Manner): Promise<void> {
    await this.#store.remove(this.#tokenKey(slot), manner);
    await this.#store.remove(this.#credentialKey(slot), manner);
  }

  #credentialKey(slot: string): string {
    return `${this.#instance}.${slot}`;
  }

  #tokenKey(slot: string): string {
    return `${this.#instance}.${slot}.token`;
  }
}

function parseItem<T extends v.GenericSchema>(schema: T, item: Secret): v.InferOutput<T> | null {
  let json: unknown;
  try {
    json = JSON.parse(item.expose());
  } catch {
    // Whatever it is, we did not write it.
    return null;
  }
  const parsed = v.safeParse(schema, json);
  return parsed.success ? parsed.output : null;
}
