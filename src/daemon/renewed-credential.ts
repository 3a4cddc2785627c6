import { problemOf } from '../shared/errors.ts';
import { given } from '../shared/given.ts';
import type { Log } from '../shared/log.ts';
import type { Secret } from '../shared/secret.ts';
import type { CredentialKind, SourceTools } from '../sources/credential-kind.ts';
import { openSource } from '../sources/open-source.ts';
import type { ExchangeOutcome, IamTokenSource } from '../token/ports.ts';
import type { CredentialSlots } from './credential-slots.ts';
import { namingProfile } from './profile-problems.ts';
import type { ProfileEntry, ProfileRegistry } from './profile-registry.ts';

export interface LiveParts {
  readonly log: Log;
  readonly registry: ProfileRegistry;
  readonly slots: CredentialSlots;
  /** What the kinds reach their services by. */
  readonly tools: SourceTools;
}

/**
 * The source of a credential that is live. Its service may give another for the one it was shown: that is stored before
 * it is used, and becomes live by the flip of a slot, as at a login. Until that has succeeded nothing more is exchanged,
 * for a crash would leave a credential that is worth nothing.
 */
export function liveSource(
  { log, registry, slots, tools }: LiveParts,
  name: string,
  kind: CredentialKind,
  credential: Secret,
  entry: ProfileEntry,
): IamTokenSource {
  const isDefault = (): boolean => name === registry.current().default;
  const opened = (secret: Secret): IamTokenSource =>
    namingProfile(openSource(kind, secret, entry, tools), name, isDefault);
  let { slot } = entry;
  let current = opened(credential);
  let unstored: Secret | null = null;

  /** @returns why it is not stored; `null` when it is */
  async function store(replacement: Secret): Promise<ExchangeOutcome | null> {
    unstored = replacement;
    try {
      slot = await flipped(slots, name, { ...entry, slot }, replacement);
      current = opened(replacement);
      unstored = null;
      return null;
    } catch (error) {
      const { message, hint } = problemOf(error);
      const said = `the renewed credential cannot be stored: ${message}`;
      log.write('warn', said);
      return { ok: false, failure: { kind: 'transient', message: said, ...given({ hint }) } };
    }
  }

  return {
    exchange: async (signal, interactive) => {
      const blocked = unstored === null ? null : await store(unstored);
      if (blocked !== null) return blocked;
      const { replacement, ...outcome } = await current.exchange(signal, interactive);
      if (replacement !== undefined) await store(replacement);
      return outcome;
    },
  };
}

/** @returns the slot that is live then, unless a login was quicker */
async function flipped(
  slots: CredentialSlots,
  name: string,
  entry: ProfileEntry,
  credential: Secret,
): Promise<string> {
  const { kind, endpoint, audience, slot: old } = entry;
  const slot = await slots.pending();
  let unused: string | null = slot;
  try {
    await slots.writeCredential(slot, { kind, endpoint, audience, credential }, 'unasked');
    const token = await slots.readToken(old);
    if (token !== null) await slots.writeToken(slot, token);
    unused = await slots.makeLive(name, { ...entry, slot }, old);
  } finally {
    if (unused !== null) await slots.discard(unused, 'unasked');
  }
  return slot;
}
