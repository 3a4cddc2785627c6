import { randomBytes } from 'node:crypto';
import type { CertificateAnchor } from '../../config/certificate-files.ts';
import { type Clock, type Instant, sleep } from '../../shared/clock.ts';
import { IamTokenError, type Problem, problemOf } from '../../shared/errors.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import { raceSignal } from '../../shared/race-signal.ts';
import { Secret } from '../../shared/secret.ts';
import type { KeyAccess, KeyDescription } from '../../sources/credential-kind.ts';
import { openProfileSource } from '../../sources/open-profile-source.ts';
import type { IamTokenSource, IssuedToken } from '../../token/token-source.ts';
import type { ProfileRef } from '../profile-ref.ts';
import type { StoredCredential } from '../slots/parse-items.ts';
import type { ObsoleteKey, ProfileEntry, ProfileRegistry, Registry } from '../profiles/profile-registry.ts';
import { createRotatingSource, type RotatingSourceParts } from '../profiles/rotating-source.ts';
import { createFailureProblem } from '../profiles/profile-problems.ts';
import type { LiveKey } from './live-key.ts';
import {
  formatKeyDescription,
  type ObsoleteKeys,
  withObsoleteKey,
  withoutObsoleteKey,
} from './obsolete-keys.ts';

/** A new key may need some seconds until every node of IAM knows it. */
const verifyTimeoutMs = 30_000;
const firstRetryMs = 500;
const maxRetryMs = 5_000;

export interface RotateKeyParts extends RotatingSourceParts {
  readonly clock: Clock;
  readonly registry: ProfileRegistry;
  readonly obsoleteKeys: ObsoleteKeys;
}

/** The new key is live. */
export interface CommittedKey {
  readonly source: IamTokenSource;
  readonly anchors: readonly CertificateAnchor[];
  readonly exchangeResult: IssuedToken<Secret>;
  readonly startedAt: Instant;
  readonly description: KeyDescription;
  /** With the new key. */
  readonly access: KeyAccess;
  /** The slot of the replaced key, which is still to be discarded. */
  readonly replacedSlot: string;
}

/**
 * Replaces an authorized key: creates another one for the same account, stores it in a pending slot, verifies it by an
 * exchange, and commits the slot by renaming `profiles.json`. If a step fails or the daemon is killed, the previous key
 * stays in use, and what was created is deleted, now or at the next start. In the same step as the commit, the replaced key
 * becomes obsolete, unless it is kept; the caller deletes it, and then calls `setDone` for its slot.
 *
 * @param signal cancels the rotation until it is committed
 * @throws IamTokenError why the previous key stays in use
 */
export async function createAndCommitKey(
  parts: RotateKeyParts,
  owner: ProfileRef,
  live: LiveKey,
  keepsReplacedKey: boolean,
  signal: AbortSignal,
): Promise<CommittedKey> {
  const { slots, obsoleteKeys } = parts;
  const { entry, description } = live;
  const keyOwner = { endpoint: entry.endpoint, serviceAccountId: description.serviceAccountId };
  const rotationId = randomBytes(16).toString('hex');
  const slot = await slots.createPending((registry, pendingSlot) => {
    obsoleteKeys.setBusy(pendingSlot);
    return withObsoleteKey(registry, pendingSlot, { ...keyOwner, rotationId });
  });
  let mayExist = false;
  try {
    // The rotation id is in the pending slot before a key with this id exists. A store that takes it takes the key too.
    await writeToSlot(parts, slot, live, 'key-rotation', new Secret(rotationId));
    throwIfCancelled(signal);
    mayExist = true;
    const created = await live.management.create(
      live.credential,
      formatKeyDescription(rotationId),
      live.access,
    );
    if (!created.ok) {
      mayExist = !created.isRejected;
      throw new IamTokenError(created.problem);
    }
    const newKey = live.management.describe(created.value);
    await writeToSlot(parts, slot, live, live.kind.name, created.value);
    const verified = await verifyKey(parts, live, await readBack(parts, slot), signal);
    throwIfCancelled(signal);
    const newEntry = withKey({ ...entry, slot }, newKey);
    const rotatingSource = createRotatingSource(
      parts,
      owner,
      live.kind,
      verified.source,
      newEntry,
      live.anchors,
    );
    obsoleteKeys.setBusy(entry.slot);
    const replacedKey = keepsReplacedKey ? null : { ...keyOwner, keyId: description.id };
    const replacedSlot = await slots.commit(owner.name, newEntry, entry.slot, (registry) =>
      commitObsoleteKeys(registry, slot, entry.slot, replacedKey),
    );
    if (replacedSlot === null || replacedSlot === slot) throw new IamTokenError(credentialChanged);
    obsoleteKeys.setDone(slot);
    return { ...verified, source: rotatingSource, anchors: live.anchors, description: newKey, replacedSlot };
  } catch (error) {
    const { message } = problemOf(error);
    parts.log.write('warn', `the key was not replaced: ${message}`, { profile: owner.name });
    obsoleteKeys.setDone(entry.slot);
    await removePendingKey(parts, live, slot, mayExist);
    throw error;
  }
}

export const credentialChanged: Problem = {
  code: 'unavailable',
  message: 'the credential was replaced or removed during the rotation of its key',
  retryAfterMs: 1_000,
};

function writeToSlot(
  { slots }: RotateKeyParts,
  slot: string,
  { entry: { endpoint, audience }, anchors }: LiveKey,
  kind: string,
  credential: Secret,
): Promise<void> {
  const item: StoredCredential = { kind, endpoint, audience, credential, anchors };
  return slots.writeCredential(slot, item, 'background');
}

/** What is verified is what a restart finds. @throws IamTokenError `internal` */
async function readBack({ slots }: RotateKeyParts, slot: string): Promise<Secret> {
  const stored = await slots.readCredential(slot);
  if (stored !== null) return stored.credential;
  throw new IamTokenError({ code: 'internal', message: 'the store does not return the new key' });
}

function withKey({ key: previousKey, ...entry }: ProfileEntry, newKey: KeyDescription): ProfileEntry {
  const { attemptedAtMs } = previousKey ?? {};
  return { ...entry, key: { ...newKey, ...omitUndefined({ attemptedAtMs }) } };
}

/** The new key is no longer obsolete, and the replaced one is. */
function commitObsoleteKeys(
  registry: Registry,
  slot: string,
  replacedSlot: string,
  replacedKey: ObsoleteKey | null,
): Registry {
  const withoutNew = withoutObsoleteKey(registry, slot);
  return replacedKey === null ? withoutNew : withObsoleteKey(withoutNew, replacedSlot, replacedKey);
}

interface VerifiedKey extends Pick<CommittedKey, 'exchangeResult' | 'startedAt' | 'access'> {
  readonly source: IamTokenSource;
}

/**
 * Exchanges the new key, also for the account that the profile impersonates.
 * @throws IamTokenError
 */
async function verifyKey(
  { clock }: RotateKeyParts,
  { kind, entry, access }: LiveKey,
  credential: Secret,
  signal: AbortSignal,
): Promise<VerifiedKey> {
  const { tools, installation } = access;
  const deadlineMs = clock.now().monotonicMs + verifyTimeoutMs;
  const keySource = kind.open(credential, installation, tools);
  let { startedAt, token } = await exchangeUntil(clock, keySource, deadlineMs, signal);
  const newAccess: KeyAccess = { ...access, token: token.value };
  let source = keySource;
  if (entry.impersonateServiceAccountId !== undefined) {
    source = openProfileSource(kind, credential, entry, tools);
    ({ startedAt, token } = await exchangeUntil(clock, source, deadlineMs, signal));
  }
  return { source, exchangeResult: token, startedAt, access: newAccess };
}

/** Repeats the exchange after any failure: IAM rejects a key that it does not know yet. @throws IamTokenError */
async function exchangeUntil(
  clock: Clock,
  source: IamTokenSource,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<{ readonly startedAt: Instant; readonly token: IssuedToken<Secret> }> {
  for (let retryMs = firstRetryMs; ; retryMs = Math.min(retryMs * 2, maxRetryMs)) {
    throwIfCancelled(signal);
    const startedAt = clock.now();
    const outcome = await source.exchange(signal, false);
    if (outcome.ok) return { startedAt, token: outcome.issuedToken };
    if (clock.now().monotonicMs + retryMs > deadlineMs) {
      throw new IamTokenError({
        ...createFailureProblem(outcome.failure),
        message: `the new key was not accepted within ${verifyTimeoutMs / 1_000} s: ${outcome.failure.message}`,
      });
    }
    // A cancellation is noticed in the next round.
    await raceSignal(sleep(clock, retryMs), signal).catch(() => undefined);
  }
}

/** Never throws: what stays is deleted later, at the next start at the latest. */
async function removePendingKey(
  { slots, obsoleteKeys, registry, log }: RotateKeyParts,
  { management, access }: LiveKey,
  slot: string,
  mayExist: boolean,
): Promise<void> {
  try {
    // Unless the list can be written, the one on the disk may name this slot as the live one.
    await registry.update((unchanged) => unchanged);
    await slots.discard(slot, 'background');
    const problem = mayExist ? await obsoleteKeys.delete(slot, management, access) : null;
    if (!mayExist) await obsoleteKeys.forget(slot);
    if (problem !== null) log.write('warn', `the new key is deleted later: ${problem.message}`);
  } catch (error) {
    log.write('warn', `the new key is deleted later: ${problemOf(error).message}`);
  } finally {
    obsoleteKeys.setDone(slot);
  }
}

function throwIfCancelled(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new IamTokenError({
    code: 'unavailable',
    message: 'the rotation of the key was cancelled',
    retryAfterMs: 1_000,
  });
}
