/** A login without a credential: it changes the settings of a profile. */
import * as methods from '../../../protocol/methods.ts';
import { IamTokenError } from '../../../shared/errors.ts';
import { version } from '../../../shared/version.ts';
import { requireRelease } from '../../check-daemon.ts';
import { callDaemon, type CommandContext, profileParamsOf } from '../../command.ts';
import { canPrompt } from '../../terminal/prompt.ts';
import { escapeControlCharacters } from '../../terminal/escape.ts';
import { print, withProgress } from '../../terminal/terminal.ts';

/** By option. The endpoint is not among them: a credential is sent to no other than its own. */
const settingNames = {
  'impersonate-service-account-id': 'impersonated account',
  'cloud-id': 'cloud',
  'folder-id': 'folder',
} as const;

/** Whether the options only change settings. */
export function isSettingsEdit({ options }: CommandContext): boolean {
  return !options.has('endpoint') && Object.keys(settingNames).some((option) => options.has(option));
}

/**
 * @returns `false` if there is no profile yet, and the user can be asked for its credential
 * @throws IamTokenError
 */
export async function editSettings(context: CommandContext): Promise<boolean> {
  const { options } = context;
  const params = {
    ...profileParamsOf(context),
    impersonateServiceAccountId: options.get('impersonate-service-account-id'),
    cloudId: options.get('cloud-id'),
    folderId: options.get('folder-id'),
  };
  try {
    const { profile } = await withProgress('the daemon', callDaemon(context, methods.login, params));
    const changes = Object.entries(settingNames).flatMap(([option, name]) => {
      const value = options.get(option);
      if (value === undefined) return [];
      return [value === '' ? `${name} cleared` : `${name} ${value}`];
    });
    print(`changed the profile ${escapeControlCharacters(profile)}: ${changes.join(', ')}`);
    return true;
  } catch (error) {
    const isMissing =
      error instanceof IamTokenError && (error.code === 'unknown_profile' || error.code === 'login_required');
    if (isMissing && canPrompt()) return false;
    if (error instanceof IamTokenError && error.code === 'bad_request') {
      // A daemon of 0.1.0 requires a kind.
      const { version: daemonVersion } = await callDaemon(context, methods.hello, { version });
      requireRelease('0.2.0', 'a login without a credential', daemonVersion, context);
    }
    throw error;
  }
}
