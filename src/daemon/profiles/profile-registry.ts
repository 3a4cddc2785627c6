import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import * as v from 'valibot';
import { fileError, moveAwayCommand } from '../../files/file-errors.ts';
import { type FileSystemContext, type NamedPath, systemFiles } from '../../files/file-system.ts';
import { type FolderIdentity, identifyFolder } from '../../files/folder-identity.ts';
import { readGuardedFile } from '../../files/read-guarded-file.ts';
import { writeFileAtomically } from '../../files/write-file.ts';
import { isProfileName } from '../../protocol/limits.ts';
import type { ProfileScope } from '../../protocol/method-types.ts';
import { IamTokenError } from '../../shared/errors.ts';
import { type HintProfile, type LoginSettings, pickLoginSettings } from '../../shared/hint.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import { isResourceId } from '../../shared/resource-id.ts';
import { maxDisplayNameLength } from '../../sources/exchange/display-name.ts';
import { trimProfileNames } from '../trim-profile-names.ts';
import { folderIdentitySchema, isCopiedFrom, isSameIdentity } from './folder-identity.ts';
import { createProfileNotFound } from './profile-problems.ts';

const profileNameSchema = v.pipe(v.string(), v.check(isProfileName));
const requiredIdSchema = v.pipe(v.string(), v.check(isResourceId));
const resourceIdSchema = v.exactOptional(requiredIdSchema);
const slotNameSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/));
const instanceSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/));

const optionalTimeSchema = v.exactOptional(v.number());

/** Of a key that is to be deleted in IAM. */
const obsoleteKeyOwner = { endpoint: v.string(), serviceAccountId: requiredIdSchema };

const profileEntrySchema = v.object({
  kind: v.string(),
  /** The installation that verified the credential. */
  endpoint: v.string(),
  audience: v.string(),
  /** The live slot: the store's item with the credential. */
  slot: slotNameSchema,
  /** Of the folder that this one was copied from, while the slot is still its slot. */
  originalInstance: v.exactOptional(instanceSchema),
  cloudId: resourceIdSchema,
  folderId: resourceIdSchema,
  impersonateServiceAccountId: resourceIdSchema,
  /** The account of the last login, if IAM told its name. */
  account: v.exactOptional(
    v.object({
      id: requiredIdSchema,
      displayName: v.pipe(v.string(), v.maxLength(2 * maxDisplayNameLength)),
    }),
  ),
  /** The authorized key that is the credential; times in milliseconds since the epoch. Absent in lists of version 0.1.0. */
  key: v.exactOptional(
    v.object({
      id: requiredIdSchema,
      serviceAccountId: requiredIdSchema,
      createdAtMs: optionalTimeSchema,
      /** The last automatic rotation, whether it succeeded or not. */
      attemptedAtMs: optionalTimeSchema,
    }),
  ),
  /** For hints: those of `pickLoginSettings`. Absent in lists of version 0.1.0. */
  settings: v.exactOptional(v.record(v.string(), v.string())),
});

const registrySchema = v.object({
  version: v.literal(1),
  /** Distinguishes this configuration's items in a shared keychain. */
  instance: instanceSchema,
  default: v.nullable(profileNameSchema),
  profiles: v.record(profileNameSchema, profileEntrySchema),
  /** `lock` was called, and no `unlock` since. */
  locked: v.exactOptional(v.literal(true)),
  /** Slots that are not live and may hold items; removed as soon as the store allows it. */
  discarded: v.array(slotNameSchema),
  /** By slot: keys to delete in IAM, those that were replaced by their id, those of rotations that did not end by theirs. */
  obsoleteKeys: v.exactOptional(
    v.record(
      slotNameSchema,
      v.union([
        v.object({ ...obsoleteKeyOwner, keyId: requiredIdSchema }),
        v.object({ ...obsoleteKeyOwner, rotationId: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)) }),
      ]),
    ),
  ),
  /** The store of all slots. Absent: that of version 0.1.0. */
  store: v.exactOptional(v.picklist(['keychain', 'file', 'memory'])),
  /** Slots in stores that were used before. */
  abandoned: v.exactOptional(
    v.object({
      keychain: v.exactOptional(v.array(slotNameSchema)),
      file: v.exactOptional(v.array(slotNameSchema)),
    }),
  ),
});

/** As the file has it; version 0.1.0 did not record the folder. */
const fileSchema = v.object({ ...registrySchema.entries, folder: v.exactOptional(folderIdentitySchema) });

export type ProfileEntry = Readonly<v.InferOutput<typeof profileEntrySchema>>;
export type Registry = Readonly<v.InferOutput<typeof registrySchema>>;
export type ObsoleteKey = NonNullable<Registry['obsoleteKeys']>[string];
type StoredRegistry = Registry & { readonly folder?: FolderIdentity };

/** `profiles.json`: the profiles and the slots of their credentials. Never a secret. */
export interface ProfileRegistry {
  readonly current: Registry;
  /**
   * Updates run one after another; each takes effect once it is on the disk.
   * @throws IamTokenError `internal` when the file cannot be written, or was changed by another program since this one
   *   read or wrote it; then the registry is unchanged
   */
  update(updater: (registry: Registry) => Registry): Promise<void>;
}

export interface OpenedRegistry extends ProfileRegistry {
  /** The folder that this one was just found to be a copy of; `null` if it is none. */
  readonly copiedFrom: string | null;
  /** The new names of profiles by those of version 0.1.0 that had blanks around them. */
  readonly renamed: ReadonlyMap<string, string>;
}

/** By slot: the instance of the original folder, whose slot it is. */
export function listOriginalInstances({ profiles }: Registry): ReadonlyMap<string, string> {
  return new Map(
    Object.values(profiles).flatMap(({ slot, originalInstance }) =>
      originalInstance === undefined ? [] : [[slot, originalInstance] as const],
    ),
  );
}

/** `undefined` also for a name that every object has as a property, such as `toString`. */
export function findEntry({ profiles }: Registry, name: string): ProfileEntry | undefined {
  return Object.hasOwn(profiles, name) ? profiles[name] : undefined;
}

/** As `findEntry`. @throws IamTokenError `unknown_profile` */
export function requireEntry(registry: Registry, name: string): ProfileEntry {
  const entry = findEntry(registry, name);
  if (entry !== undefined) return entry;
  throw new IamTokenError(createProfileNotFound(name, Object.keys(registry.profiles)));
}

/** The profile whose live slot this is; `undefined` if there is none. */
export function findNameOfSlot({ profiles }: Registry, slot: string): string | undefined {
  return Object.entries(profiles).find(([, entry]) => entry.slot === slot)?.[0];
}

/** An entry with other settings; an empty text clears one. */
export function withScope(entry: ProfileEntry, scope: ProfileScope): ProfileEntry {
  const { cloudId, folderId, impersonateServiceAccountId, ...rest } = { ...entry, ...omitUndefined(scope) };
  return {
    ...rest,
    ...omitUndefined({
      cloudId: cloudId || undefined,
      folderId: folderId || undefined,
      impersonateServiceAccountId: impersonateServiceAccountId || undefined,
    }),
  };
}

/** An entry with the settings of another one. */
export function copyScope(entry: ProfileEntry, from: ProfileEntry | undefined): ProfileEntry {
  const { cloudId = '', folderId = '', impersonateServiceAccountId = '' } = from ?? {};
  return withScope(entry, { cloudId, folderId, impersonateServiceAccountId });
}

/**
 * How hints name a profile.
 * @param name the default profile unless given
 */
export function hintProfileOf(registry: Registry, name?: string): HintProfile {
  const defaultName = registry.default ?? 'default';
  const { kind, settings } = findEntry(registry, name ?? defaultName) ?? {};
  return omitUndefined({ name: name === defaultName ? undefined : name, kind, settings });
}

/** How hints about a login name its profile: by what the login has, whatever the profile has now. */
export function loginHintProfileOf(
  registry: Registry,
  name: string | undefined,
  { kind, settings }: { readonly kind: string; readonly settings?: LoginSettings | undefined },
): HintProfile {
  return { ...hintProfileOf(registry, name), kind, settings: pickLoginSettings(kind, settings) };
}

export function createRandomId(): string {
  return randomBytes(8).toString('hex');
}

/** Ten thousand profiles. */
const maxFileBytes = 4 * 1024 * 1024;

/**
 * @param folder as `ensureTrustedFolder` leaves it
 * @param restartCommand restarts the daemon, which then reads a changed file
 * @throws IamTokenError `internal` when the file is not a valid registry; it stays as it is
 */
export async function openProfileRegistry(
  folder: string,
  uid: number | null,
  restartCommand = 'iam-token stop; iam-tokend &',
): Promise<OpenedRegistry> {
  const file = { path: join(folder, 'profiles.json'), name: 'the profile list' };
  const fsContext = systemFiles(uid);
  let lastBytes = await readRegistryBytes(file, fsContext);
  let lastUpdate: Promise<void> = Promise.resolve();
  const identity = identifyFolder(folder);
  const { folder: recorded, ...read } =
    lastBytes === null ? createRegistry() : parseRegistry(lastBytes, file, fsContext);
  const { registry: stored, renamed } = trimProfileNames<ProfileEntry, Registry>(read);
  const hasInstance = async (path: string): Promise<boolean> =>
    (await readInstance(join(path, 'profiles.json'), fsContext)) === stored.instance;
  const isCopy = recorded !== undefined && (await isCopiedFrom(recorded, identity, hasInstance));

  async function applyUpdate(updater: (registry: Registry) => Registry): Promise<void> {
    const next = updater(registry.current);
    const bytes = Buffer.from(`${JSON.stringify({ ...next, folder: identity }, null, 2)}\n`);
    const overwriteGuard = {
      isUnchanged: (current: Buffer) => lastBytes?.equals(current) === true,
      hint: restartCommand,
    };
    await writeFileAtomically(file, { bytes, mode: 0o600, overwriteGuard }, fsContext);
    registry.current = next;
    lastBytes = bytes;
  }

  const registry = {
    current: isCopy ? separateFromOriginal(stored) : stored,
    copiedFrom: isCopy ? recorded.path : null,
    renamed,
    update: (updater: (registry: Registry) => Registry): Promise<void> => {
      const pendingUpdate = lastUpdate.then(() => applyUpdate(updater));
      lastUpdate = pendingUpdate.catch(() => undefined);
      return pendingUpdate;
    },
  };
  // If the disk is read-only or full, the next start finds the same.
  const isChanged = recorded === undefined || !isSameIdentity(recorded, identity) || renamed.size > 0;
  if (lastBytes !== null && isChanged) await registry.update((before) => before).catch(() => undefined);
  return registry;
}

/** The items that the list names are the original's, which also has the slots to discard and the keys to delete. */
function separateFromOriginal(original: Registry): Registry {
  const {
    instance,
    profiles,
    discarded: _discarded,
    abandoned: _abandoned,
    obsoleteKeys: _keys,
    ...settings
  } = original;
  const entries = Object.entries(profiles).map(
    ([name, entry]) => [name, { originalInstance: instance, ...entry }] as const,
  );
  return {
    ...settings,
    instance: createRandomId(),
    profiles: Object.fromEntries(entries),
    discarded: [],
  };
}

function createRegistry(): StoredRegistry {
  return { version: 1, instance: createRandomId(), default: null, profiles: {}, discarded: [] };
}

/** It holds no secret, and its folder keeps other writers out. */
function readRegistryBytes(file: NamedPath, fsContext: FileSystemContext): Promise<Buffer | null> {
  return readGuardedFile(file, { maxBytes: maxFileBytes, isPrivate: false }, fsContext);
}

function parseRegistry(bytes: Buffer, file: NamedPath, fsContext: FileSystemContext): StoredRegistry {
  try {
    return v.parse(fileSchema, JSON.parse(bytes.toString()));
  } catch (cause) {
    const message = `${file.name} ${file.path} is invalid`;
    throw fileError(file, message, moveAwayCommand(file.path), fsContext, cause);
  }
}

/** @returns `null` without a valid list */
async function readInstance(path: string, fsContext: FileSystemContext): Promise<string | null> {
  try {
    const file = { path, name: 'the original profile list' };
    const bytes = await readRegistryBytes(file, fsContext);
    return bytes === null ? null : parseRegistry(bytes, file, fsContext).instance;
  } catch {
    return null;
  }
}
