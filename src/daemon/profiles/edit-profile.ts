/** Changes of a profile that need no new credential: its settings, and its name. */
import type { LoginParams, ProfileScope } from '../../protocol/method-types.ts';
import { IamTokenError } from '../../shared/errors.ts';
import { formatProfileOption } from '../../shared/shell-quoting.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import type { DaemonLock } from '../daemon-lock.ts';
import type { DerivedProfiles } from '../derived/derived-profiles.ts';
import { readLiveCredential } from '../slots/live-credential.ts';
import type { CompletedLogin, LoginQueue } from './login-queue.ts';
import type { ReadCredential } from './login.ts';
import { createLoginRequired, credentialMissingMessage, profileRenamed } from './profile-problems.ts';
import { findEntry, type ProfileRegistry, requireEntry, withScope } from './profile-registry.ts';
import type { RotatingSourceParts } from './rotating-source.ts';
import type { RunningProfiles } from './running-profiles.ts';

export interface ProfileEditorParts extends Pick<RotatingSourceParts, 'log' | 'slots' | 'trust'> {
  readonly registry: ProfileRegistry;
  readonly profiles: RunningProfiles;
  readonly derived: DerivedProfiles;
  readonly logins: LoginQueue;
  readonly lock: DaemonLock;
  /** Called after a profile was renamed. */
  readonly onRename?: ((from: string, to: string) => void) | undefined;
}

/** Changes profiles, between the logins to them. */
export class ProfileEditor {
  readonly #parts: ProfileEditorParts;

  constructor(parts: ProfileEditorParts) {
    this.#parts = parts;
  }

  /**
   * Changes the settings of a profile, which keeps its credential. Another impersonated account is verified by an exchange.
   * @throws IamTokenError `bad_request`, `unknown_profile`, `login_required`; as a login does
   */
  async edit(params: LoginParams, signal: AbortSignal): Promise<CompletedLogin> {
    const { lock, log, logins, profiles, registry } = this.#parts;
    const profile = profiles.get(params.profile);
    const entry = findEntry(registry.current, profile.name);
    if (entry === undefined) throw new IamTokenError(createLoginRequired(credentialMissingMessage));
    requireSettingsOnly(params);
    const { cloudId, folderId, impersonateServiceAccountId: account } = params;
    if (account !== undefined && account !== (entry.impersonateServiceAccountId ?? '')) {
      lock.assertUnlocked();
      const { kind, settings = {} } = entry;
      const loginParams = { ...params, profile: profile.name, kind, settings };
      return logins.login(loginParams, signal, readForExchange(this.#parts, profile.name));
    }
    await logins.runInTurn([profile.name], () =>
      editScope(registry, profile.name, omitUndefined({ cloudId, folderId })),
    );
    log.write('info', 'changed the settings', { profile: profile.name });
    return { profile, inherited: null };
  }

  /** Makes a profile the default one. @throws IamTokenError `unknown_profile` */
  async use(name: string): Promise<string> {
    const { log, registry } = this.#parts;
    await registry.update((before) => {
      // Here, because a logout or a rename before this update may have removed the name.
      requireEntry(before, name);
      return { ...before, default: name };
    });
    log.write('info', 'changed the default profile', { profile: name });
    return name;
  }

  /** The profile keeps its credential and its token. @throws IamTokenError `unknown_profile`, `bad_request` */
  rename(from: string, to: string): Promise<string> {
    const { derived, log, logins, onRename, profiles, registry, slots, trust } = this.#parts;
    return logins.runInTurn([from, to], async () => {
      const profile = profiles.get(from);
      await renameEntry(registry, from, to);
      profiles.rename(profile, to);
      trust.rename(from, to);
      slots.unstored.rename(from, to);
      derived.removeAll(profile, profileRenamed);
      onRename?.(from, to);
      log.write('info', `renamed the profile ${JSON.stringify(from)}`, { profile: to });
      return to;
    });
  }
}

/** @throws IamTokenError `bad_request` for what only a login with a credential can change */
function requireSettingsOnly(params: LoginParams): void {
  const { cloudId, endpoint, folderId, impersonateServiceAccountId, secret, settings } = params;
  if (secret !== undefined || settings !== undefined) {
    throw new IamTokenError({ code: 'bad_request', message: 'a login with a credential requires its kind' });
  }
  if (endpoint !== undefined) {
    throw new IamTokenError({
      code: 'bad_request',
      message: 'the endpoint belongs to the credential; another one requires a login',
      hint: { command: 'login', options: '--endpoint URL' },
    });
  }
  if ((cloudId ?? folderId ?? impersonateServiceAccountId) === undefined) {
    throw new IamTokenError({
      code: 'bad_request',
      message: 'a login requires a kind of credential, or a setting to change',
      hint: { command: 'login' },
    });
  }
}

/** Stores the cloud and folder of a profile; an empty text clears one. @throws IamTokenError `unknown_profile` */
async function editScope(registry: ProfileRegistry, name: string, scope: ProfileScope): Promise<void> {
  await registry.update((before) => {
    const entry = requireEntry(before, name);
    return { ...before, profiles: { ...before.profiles, [name]: withScope(entry, scope) } };
  });
}

/** @throws IamTokenError `bad_request` if there is another profile of this name; `unknown_profile` */
async function renameEntry(registry: ProfileRegistry, from: string, to: string): Promise<void> {
  await registry.update((before) => {
    const entry = requireEntry(before, from);
    const { [from]: _, ...others } = before.profiles;
    if (findEntry(before, to) !== undefined) {
      throw new IamTokenError({
        code: 'bad_request',
        message: `profile ${JSON.stringify(to)} exists already`,
        hint: `to remove it: iam-token logout ${formatProfileOption(to)}`,
      });
    }
    const defaultName = before.default === from ? to : before.default;
    return { ...before, default: defaultName, profiles: { ...others, [to]: entry } };
  });
}

/** The credential that the profile has, for an exchange with other settings. */
function readForExchange(parts: ProfileEditorParts, profileName: string): ReadCredential {
  return async (kind, { endpoint }) => {
    // The daemon may have a renewed credential that the store does not have yet.
    await parts.slots.unstored.storeAll();
    // A login to this profile may just have ended, and stored its credential in another slot.
    const { stored } = await readLiveCredential(parts, profileName, 'interactive');
    if (stored.kind === kind.name && stored.endpoint === endpoint) return stored.credential;
    throw new IamTokenError(createLoginRequired(credentialMissingMessage));
  };
}
