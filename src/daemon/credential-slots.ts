import * as v from 'valibot';
import type { CredentialStore, Manner } from '../keychain/credential-store.ts';
import { ProblemError, problemOf } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import { Secret } from '../shared/secret.ts';
import type { Installation } from '../sources/credential-kind.ts';
import { type KeptToken, longestTokenLifeMs } from '../token/iam-token.ts';
import { type ProfileEntry, type ProfileRegistry, randomId } from './profile-registry.ts';

/** A credential and the installation that confirmed it; it is never sent to another. */
export interface StoredCredential extends Installation {
  readonly kind: string;
  readonly credential: Secret;
}

const credentialItem = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    v: v.literal(1),
    kind: v.string(),
    endpoint: v.string(),
    audience: v.string(),
    credential: v.string(),
  }),
);

/** The greatest time that a `Date` can have (ECMA-262, 21.4.1.1). */
const latestMs = 8.64e15;
const time = v.pipe(v.number(), v.minValue(0), v.maxValue(latestMs));

const tokenItem = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    v: v.literal(1),
    token: v.pipe(v.string(), v.minLength(1)),
    subject: v.nullable(v.string()),
    expiresAtMs: time,
    receivedAtMs: time,
    clockOffsetMs: v.pipe(v.number(), v.minValue(-latestMs), v.maxValue(latestMs)),
  }),
  v.check(({ expiresAtMs, receivedAtMs }) => expiresAtMs - receivedAtMs <= 2 * longestTokenLifeMs),
);

/**
 * What lies in the store: for each slot one item with the credential and, once there is one, one with the last IAM
 * token. Items are named by instance and slot, so that a test or a second configuration never touches another's.
 *
 * A slot stands on the list of those to be discarded from before it is written until it is live, and again once it is
 * not: whatever fails or is killed on the way, the next start empties it.
 */
export class CredentialSlots {
  readonly #store: CredentialStore;
  readonly #registry: ProfileRegistry;
  readonly #log: Log;
  readonly #instance: string;
  /** On the list because they are not live yet. */
  readonly #pending = new Set<string>();

  constructor(store: CredentialStore, registry: ProfileRegistry, log: Log) {
    this.#store = store;
    this.#registry = registry;
    this.#log = log;
    this.#instance = registry.current().instance;
  }

  /** A new slot; `makeLive` or `discard` follows. */
  async pending(): Promise<string> {
    const slot = randomId();
    this.#pending.add(slot);
    await this.#registry.change((before) => ({ ...before, discarded: [...before.discarded, slot] }));
    return slot;
  }

  /**
   * The profile's live slot becomes that of `entry`.
   * @param inPlaceOf where another slot is live, nothing changes; any unless given
   * @returns the slot that is to be discarded, if there is one: what was live, or that of `entry` if nothing changed
   */
  async makeLive(name: string, entry: ProfileEntry, inPlaceOf?: string): Promise<string | null> {
    let replaced: string | null = entry.slot;
    await this.#registry.change((before) => {
      const live = before.profiles[name]?.slot ?? null;
      if (inPlaceOf !== undefined && inPlaceOf !== live) return before;
      replaced = live;
      const others = before.discarded.filter((slot) => slot !== entry.slot);
      return {
        ...before,
        default: before.default ?? name,
        profiles: { ...before.profiles, [name]: entry },
        discarded: live === null ? others : [...others, live],
      };
    });
    this.#pending.delete(entry.slot);
    return replaced;
  }

  /** The profile is none any more. @returns the slot that is to be discarded, if there is one */
  async giveUp(name: string): Promise<string | null> {
    let slot = null as string | null;
    await this.#registry.change((before) => {
      const { [name]: gone, ...profiles } = before.profiles;
      slot = gone?.slot ?? null;
      return {
        ...before,
        default: before.default === name ? null : before.default,
        profiles,
        discarded: slot === null ? before.discarded : [...before.discarded, slot],
      };
    });
    return slot;
  }

  /** Empties a slot that is not live. What cannot be removed now stays on the list for the next start. */
  async discard(slot: string, manner: Manner): Promise<void> {
    try {
      await this.remove(slot, manner);
      await this.#registry.change((before) => ({
        ...before,
        discarded: before.discarded.filter((discarded) => discarded !== slot),
      }));
    } catch (error) {
      this.#log.write('warn', `an old slot is left in the store: ${problemOf(error).message}`);
    }
    this.#pending.delete(slot);
  }

  /** Empties what killed logins and closed stores have left on the list. */
  async discardLeftovers(): Promise<void> {
    for (const slot of this.#registry.current().discarded) {
      // While others were emptied, one that was pending may have become live.
      const isListed = this.#registry.current().discarded.includes(slot);
      if (isListed && !this.#pending.has(slot)) await this.discard(slot, 'unasked');
    }
  }

  /** @returns `null` for an empty slot; throws as the store does, and `login_required` for what we did not write */
  async readCredential(slot: string, manner: Manner = 'unasked'): Promise<StoredCredential | null> {
    const item = await this.#store.read(this.#credentialKey(slot), manner);
    if (item === null) return null;
    const parsed = v.safeParse(credentialItem, item.expose());
    if (!parsed.success) {
      throw new ProblemError({
        code: 'login_required',
        message: 'the stored credential is not one that iam-tokend wrote',
      });
    }
    const { kind, endpoint, audience, credential } = parsed.output;
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
    const parsed = item === null ? null : v.safeParse(tokenItem, item.expose());
    if (parsed?.success !== true) return null;
    const { token, subject, expiresAtMs, receivedAtMs, clockOffsetMs } = parsed.output;
    return { token: { value: new Secret(token), subject, expiresAtMs, receivedAtMs }, clockOffsetMs };
  }

  async writeToken(slot: string, { token, clockOffsetMs }: KeptToken): Promise<void> {
    const { value, ...rest } = token;
    const item = JSON.stringify({ v: 1, token: value.expose(), ...rest, clockOffsetMs });
    await this.#store.write(this.#tokenKey(slot), new Secret(item), 'unasked');
  }

  /** What outlives the token first: a store that does not answer may be asked no further. */
  async remove(slot: string, manner: Manner): Promise<void> {
    await this.#store.remove(this.#credentialKey(slot), manner);
    await this.#store.remove(this.#tokenKey(slot), manner);
  }

  #credentialKey(slot: string): string {
    return `${this.#instance}.${slot}`;
  }

  #tokenKey(slot: string): string {
    return `${this.#instance}.${slot}.token`;
  }
}
