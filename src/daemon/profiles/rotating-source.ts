import type { CertificateAnchor } from '../../config/certificate-files.ts';
import { problemOf } from '../../shared/errors.ts';
import type { Interaction } from '../../stores/credential-store.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import type { Log } from '../../shared/log.ts';
import type { Secret } from '../../shared/secret.ts';
import type { CredentialKind } from '../../sources/credential-kind.ts';
import { openProfileSource } from '../../sources/open-profile-source.ts';
import type { ExchangeOutcome, IamTokenSource } from '../../token/token-source.ts';
import type { CredentialSlots } from './credential-slots.ts';
import type { StoredCredential } from '../slots/parse-items.ts';
import type { CredentialTrust } from '../credential-trust.ts';
import type { ProfileRef } from '../profile-ref.ts';
import type { ProfileEntry } from './profile-registry.ts';

export interface RotatingSourceParts {
  readonly log: Log;
  readonly slots: CredentialSlots;
  readonly trust: CredentialTrust;
}

/**
 * The source of a profile's live credential. If an exchange returns a replacement, the replacement is stored in a new
 * slot and committed before it is used, as in a login. Until that succeeds there is no further exchange, because a crash
 * would leave a used-up credential in the store. A store that asks the user before each change is the exception: the
 * replacement is used from memory, and stored when a user waits, at the next `unlock` or `login`. Stopping the exchanges
 * would end the tokens, and the stored credential is used up already.
 * @param source opened with the credential in the slot of `entry`
 * @param anchors the certificates that the credential trusts
 */
export function createRotatingSource(
  { log, slots, trust }: RotatingSourceParts,
  profile: ProfileRef,
  kind: CredentialKind,
  source: IamTokenSource,
  entry: ProfileEntry,
  anchors: readonly CertificateAnchor[],
): IamTokenSource {
  const tools = trust.toolsFor(profile, anchors);
  let { slot } = entry;
  let currentSource = source;
  let unstoredCredential: Secret | null = null;

  /** @returns why it could not be stored; `null` if it was */
  async function storeReplacement(
    replacement: Secret,
    interaction: Interaction,
  ): Promise<ExchangeOutcome<never> | null> {
    // Another call has stored it, or a login has replaced it.
    if (unstoredCredential !== replacement) return null;
    try {
      const renewed = { credential: replacement, anchors };
      const newSlot = await replaceCredential(slots, profile.name, { ...entry, slot }, renewed, interaction);
      if (newSlot !== null) {
        slot = newSlot;
        slots.unstored.remove(profile.name);
      }
      if (unstoredCredential === replacement) unstoredCredential = null;
      return null;
    } catch (error) {
      const { message, hint } = problemOf(error);
      const failureMessage = `cannot store the renewed credential: ${message}`;
      log.write('warn', failureMessage, { profile: profile.name });
      const details = omitUndefined({ hint });
      return { ok: false, failure: { kind: 'transient', message: failureMessage, ...details } };
    }
  }

  async function useReplacement(replacement: Secret): Promise<void> {
    unstoredCredential = replacement;
    currentSource = openProfileSource(kind, replacement, entry, tools);
    const store = async (interaction: Interaction) => void (await storeReplacement(replacement, interaction));
    slots.unstored.add(profile.name, store);
    await storeReplacement(replacement, 'background');
  }

  return {
    probe: async () => (await currentSource.probe?.()) ?? null,
    exchange: async (signal, interactive) => {
      if (unstoredCredential !== null && !(await slots.requiresConfirmation())) {
        const storeFailure = await storeReplacement(unstoredCredential, 'background');
        if (storeFailure !== null) return storeFailure;
      }
      const { replacement, ...outcome } = await currentSource.exchange(signal, interactive);
      if (replacement !== undefined) await useReplacement(replacement);
      return outcome;
    },
  };
}

/** @returns the new live slot; `null` if another one has become live in the meantime: then the new one is emptied */
export async function replaceCredential(
  slots: CredentialSlots,
  name: string,
  entry: ProfileEntry,
  credential: Pick<StoredCredential, 'credential' | 'anchors'>,
  interaction: Interaction,
): Promise<string | null> {
  const { kind, endpoint, audience, slot: oldSlot } = entry;
  const slot = await slots.createPending();
  let slotToDiscard: string | null = slot;
  try {
    await slots.writeCredential(slot, { kind, endpoint, audience, ...credential }, interaction);
    await slots.copyToken(oldSlot, slot);
    slotToDiscard = await slots.commit(name, { ...entry, slot }, oldSlot);
  } finally {
    if (slotToDiscard !== null) await slots.discard(slotToDiscard, interaction);
  }
  return slotToDiscard === slot ? null : slot;
}
