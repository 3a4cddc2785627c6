import { IamTokenError } from '../../shared/errors.ts';
import type { Interaction } from '../../stores/credential-store.ts';
import type { CredentialTrust } from '../credential-trust.ts';
import type { CredentialSlots } from '../profiles/credential-slots.ts';
import type { StoredCredential } from '../slots/parse-items.ts';
import { createLoginRequired, credentialMissingMessage } from '../profiles/profile-problems.ts';
import { findEntry, type ProfileEntry, type ProfileRegistry } from '../profiles/profile-registry.ts';

export interface LiveCredentialParts {
  readonly registry: ProfileRegistry;
  readonly slots: CredentialSlots;
  readonly trust: CredentialTrust;
}

export interface LiveCredential {
  readonly entry: ProfileEntry;
  readonly stored: StoredCredential;
}

/**
 * The credential that a profile has, as the store has it now.
 * @throws IamTokenError `login_required`; the problems of the store
 */
export async function readLiveCredential(
  { registry, slots, trust }: LiveCredentialParts,
  profileName: string,
  interaction: Interaction,
): Promise<LiveCredential> {
  const entry = findEntry(registry.current, profileName);
  const stored = entry === undefined ? null : await slots.readCredential(entry.slot, interaction);
  if (
    entry === undefined ||
    stored === null ||
    stored.kind !== entry.kind ||
    stored.endpoint !== entry.endpoint
  )
    throw new IamTokenError(createLoginRequired(credentialMissingMessage));
  const problem = stored.anchors === undefined ? null : await trust.findProblem(stored.anchors);
  if (problem !== null) throw new IamTokenError(problem);
  return { entry, stored };
}
