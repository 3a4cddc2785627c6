import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { syncFolder } from '../keychain/guarded-file.ts';
import { profileNamePattern } from '../protocol/messages.ts';
import { ProblemError } from '../shared/errors.ts';
import { resourceIdPattern } from '../shared/resource-id.ts';
import { messageOf, systemCodeOf } from '../shared/thrown.ts';

const profileName = v.pipe(v.string(), v.regex(profileNamePattern));
const resourceId = v.exactOptional(v.pipe(v.string(), v.regex(resourceIdPattern)));
const slotName = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/));

const profileEntry = v.object({
  kind: v.string(),
  /** The installation that confirmed the credential. */
  endpoint: v.string(),
  audience: v.string(),
  /** The live slot: where in the store the credential lies. */
  slot: slotName,
  cloudId: resourceId,
  folderId: resourceId,
  impersonateServiceAccountId: resourceId,
});

const registryFile = v.object({
  version: v.literal(1),
  /** Names our items in a keychain that others use too. */
  instance: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
  default: v.nullable(profileName),
  profiles: v.record(profileName, profileEntry),
  /** `lock` was called, and no `unlock` since. */
  locked: v.exactOptional(v.literal(true)),
  /** Slots that are not live, or not yet, and hold something: removed at the next start. */
  discarded: v.array(slotName),
});

export type ProfileEntry = Readonly<v.InferOutput<typeof profileEntry>>;
export type Registry = Readonly<v.InferOutput<typeof registryFile>>;

/** `profiles.json`: which profiles there are and where their credentials lie. Never a secret. */
export interface ProfileRegistry {
  current(): Registry;
  /**
   * One change at a time, each on the disk before it counts.
   * @throws ProblemError `internal` when the disk does not take it; then nothing has changed
   */
  change(changed: (registry: Registry) => Registry): Promise<void>;
}

export function randomId(): string {
  return randomBytes(8).toString('hex');
}

/**
 * The configuration says where a credential is sent, so nobody else may have had a hand in it.
 * @param folder made, 0700, when it is not there
 * @param uid whose it must be; `null` on Windows, where the rights of a person's folders keep others out
 * @throws Error that says what is wrong with the folder
 */
export function prepareConfigFolder(folder: string, uid: number | null): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid: owner, mode } = statSync(folder);
  if (uid === null) return;
  if (owner !== uid && owner !== 0) {
    throw new Error(`the configuration folder ${folder} belongs to somebody else (uid ${owner})`);
  }
  if ((mode & 0o022) !== 0) {
    throw new Error(`others can write to the configuration folder ${folder}; chmod go-w '${folder}'`);
  }
}

/**
 * @param folder as `prepareConfigFolder` left it
 * @throws Error naming the file when it is not what we once wrote; it is left as it is
 */
export function openProfileRegistry(folder: string): ProfileRegistry {
  const path = join(folder, 'profiles.json');
  let registry = readRegistry(path) ?? newRegistry();
  let last: Promise<void> = Promise.resolve();

  async function changeNow(changed: (registry: Registry) => Registry): Promise<void> {
    const next = changed(registry);
    try {
      await writeWhole(path, `${JSON.stringify(next, null, 2)}\n`);
    } catch (cause) {
      const why = messageOf(cause);
      throw new ProblemError({ code: 'internal', message: `${path} cannot be written: ${why}` }, { cause });
    }
    registry = next;
  }

  return {
    current: () => registry,
    change: (changed) => {
      const done = last.then(() => changeNow(changed));
      last = done.catch(() => undefined);
      return done;
    },
  };
}

function newRegistry(): Registry {
  return { version: 1, instance: randomId(), default: null, profiles: {}, discarded: [] };
}

function readRegistry(path: string): Registry | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    return v.parse(registryFile, JSON.parse(text));
  } catch (cause) {
    throw new Error(`${path} cannot be read as a list of profiles; put it right or move it away`, { cause });
  }
}

/** The old file or the new one, whatever happens meanwhile. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  await fs.writeFile(draft, text, { mode: 0o600, flush: true });
  await fs.rename(draft, path);
  await syncFolder(dirname(path), { fs, uid: process.getuid?.() ?? null });
}
