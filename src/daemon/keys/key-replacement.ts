import { IamTokenError, type Problem } from '../../shared/errors.ts';
import type { CredentialStore } from '../../stores/credential-store.ts';
import type { DaemonLock } from '../daemon-lock.ts';
import type { LoginQueue } from '../profiles/login-queue.ts';
import type { Profile } from '../profiles/profile.ts';
import { findStoreObstacle } from './find-store-obstacle.ts';
import { type LiveKey, type LiveKeyParts, openLiveKey } from './live-key.ts';
import { createAndCommitKey, type CommittedKey, type RotateKeyParts } from './rotate-key.ts';

export interface KeyReplacementParts extends LiveKeyParts, RotateKeyParts {
  readonly store: Pick<CredentialStore, 'kind' | 'state'>;
  readonly lock: DaemonLock;
  readonly logins: LoginQueue;
}

export interface ReplacedKey {
  readonly keyId: string;
  readonly replacedKeyId: string;
  /** `in_use`: another profile has it. `not_deleted`: see `problem`; the daemon tries again. */
  readonly replacedKey: 'deleted' | 'kept' | 'in_use' | 'not_deleted';
  readonly problem: Problem | null;
}

/** Why no key is replaced with the store in use; `null` if one may be. */
export async function findKeyStoreObstacle({
  slots,
  store,
}: Pick<KeyReplacementParts, 'slots' | 'store'>): Promise<Problem | null> {
  return findStoreObstacle(store.kind, await store.state(slots.listKeys().credentials));
}

/**
 * Replaces the key of a profile while no login to it runs: creates, verifies and commits another one, uses it from then on,
 * and deletes the replaced one in IAM.
 * @throws IamTokenError why the previous key stays in use; `locked`
 */
export async function replaceKey(
  parts: KeyReplacementParts,
  profile: Profile,
  keepsReplacedKey: boolean,
  signal: AbortSignal,
): Promise<ReplacedKey> {
  const { lock, log, logins, obsoleteKeys, slots } = parts;
  lock.assertUnlocked();
  const lockSignal = lock.signal;
  const obstacle = await findKeyStoreObstacle(parts);
  if (obstacle !== null) throw new IamTokenError(obstacle);
  const live = await openLiveKey(parts, profile, signal);
  const leftover = await deleteObsoleteKeys(parts, live);
  if (leftover !== null) throw new IamTokenError(leftover);
  // The folder that this one was copied from has the same key.
  const isKept = keepsReplacedKey || live.entry.originalInstance !== undefined;
  const committed = await createAndCommitKey(parts, profile, live, isKept, signal);
  try {
    await logins.useCommitted(profile, committed, lockSignal);
    await slots.discard(committed.replacedSlot, 'background');
    const ids = { keyId: committed.description.id, replacedKeyId: live.description.id };
    log.write('info', 'replaced the key', { profile: profile.name, ...ids });
    return { ...ids, ...(isKept ? keptKey : await deleteReplaced(parts, live, committed)) };
  } finally {
    obsoleteKeys.setDone(committed.replacedSlot);
  }
}

const keptKey = { replacedKey: 'kept', problem: null } as const;

async function deleteReplaced(
  { obsoleteKeys, registry }: KeyReplacementParts,
  { management }: LiveKey,
  { access, replacedSlot }: CommittedKey,
): Promise<Pick<ReplacedKey, 'replacedKey' | 'problem'>> {
  const problem = await obsoleteKeys.delete(replacedSlot, management, access);
  if (problem !== null) return { replacedKey: 'not_deleted', problem: describeUndeleted(problem) };
  const isListed = registry.current.obsoleteKeys?.[replacedSlot] !== undefined;
  return { replacedKey: isListed ? 'in_use' : 'deleted', problem: null };
}

/** Those of earlier rotations. @returns why one is left; `null`: none is, apart from those that another profile uses */
export async function deleteObsoleteKeys(
  { obsoleteKeys }: Pick<KeyReplacementParts, 'obsoleteKeys'>,
  { management, description, entry, access }: LiveKey,
): Promise<Problem | null> {
  const owner = { serviceAccountId: description.serviceAccountId, endpoint: entry.endpoint };
  const problem = await obsoleteKeys.deleteAll(owner, management, access);
  return problem === null ? null : describeUndeleted(problem);
}

function describeUndeleted({ message, ...problem }: Problem): Problem {
  return { ...problem, message: `a replaced key is still valid: ${message}` };
}
