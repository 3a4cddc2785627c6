import type { LoginResult } from '../../../protocol/method-types.ts';
import * as methods from '../../../protocol/methods.ts';
import { callDaemon, type CommandContext, type CommandDefinition, profileParamsOf } from '../../command.ts';
import { clearable, flag, id, keychainTimeoutMs, profileOption, text, url } from '../../parsing/options.ts';
import { checkDaemon, requireRelease } from '../../check-daemon.ts';
import { formatAccountName } from '../../terminal/format-account-name.ts';
import { retryAfterInstall } from './retry-after-install.ts';
import { unlockForLogin } from '../../unlock-store.ts';
import { chooseKind } from './choose-kind.ts';
import { editSettings, isSettingsEdit } from './edit-settings.ts';
import { replaceKeyAfterLogin, replaceKeyOptions } from '../../keys/login-replace-key.ts';
import { missingKindError, selectLoginKind } from './login-kinds.ts';
import { printDaemonNotes } from '../../print-daemon-notes.ts';
import { formatLocalTime, print, withProgress } from '../../terminal/terminal.ts';
import { canPrompt } from '../../terminal/prompt.ts';
import { escapeControlCharacters } from '../../terminal/escape.ts';

export const login: CommandDefinition = {
  name: 'login',
  summary: 'store a credential in the keychain',
  description:
    'The daemon verifies the credential by one exchange before it replaces the old one. Choose one kind: --yc, --service-account-key, --metadata, --workload-identity or --oauth; on a terminal, login asks for it. A profile keeps its endpoint, cloud, folder and impersonated account unless an option changes them; an empty value (--cloud-id "") clears one. Without a kind, --cloud-id, --folder-id and --impersonate-service-account-id change a profile that keeps its credential.',
  options: {
    profile: profileOption,
    oauth: flag('OAuth token, read from a hidden prompt'),
    stdin: flag('with --oauth: read the token from one line of stdin'),
    'service-account-key': text(
      'FILE|-',
      'authorized key of a service account, as written by `yc iam key create`; - for stdin',
    ),
    ...replaceKeyOptions,
    metadata: flag('service account of the VM that the daemon runs on'),
    'workload-identity': id(
      'SA_ID',
      'OIDC token from an external provider, exchanged for this service account',
    ),
    'token-file': text('PATH', 'with --workload-identity: file that holds the current OIDC token'),
    'token-url': url(
      "with --workload-identity: where the OIDC token is exchanged (default: that of Yandex Cloud's main installation)",
    ),
    yc: flag('current login of `yc`'),
    'yc-profile': text('NAME', "with --yc: profile of yc (default: yc's active profile)"),
    'impersonate-service-account-id': clearable(
      'id',
      'ID',
      'issue tokens of this service account, which the credential may impersonate',
    ),
    'cloud-id': clearable(
      'id',
      'ID',
      'cloud ID stored with the profile, for `exec`, `env` and `yc config get`',
    ),
    'folder-id': clearable(
      'id',
      'ID',
      'folder ID stored with the profile, for `exec`, `env` and `yc config get`',
    ),
    endpoint: clearable('url', 'URL', "IAM endpoint (default: the daemon's)"),
  },
  examples: [
    'iam-token login --yc',
    'iam-token login --profile ci --service-account-key key.json',
    'iam-token login --service-account-key key.json --replace-key',
    'iam-token login --folder-id b1gexample',
  ],
  timeoutMs: keychainTimeoutMs,
  run: runLogin,
};

/** Checks that the daemon is ready, then reads the credential and sends it. */
async function runLogin(typedContext: CommandContext): Promise<void> {
  const typedKind = selectLoginKind(typedContext);
  typedKind?.validate?.(typedContext);
  const isEdit = typedKind === null && isSettingsEdit(typedContext);
  if (isEdit && (await retryAfterInstall(typedContext, () => editSettings(typedContext)))) return;
  if (typedKind === null && !canPrompt()) throw missingKindError(typedContext);
  const daemonStatus = await retryAfterInstall(typedContext, () => checkDaemon('login', typedContext));
  if (typedContext.options.has('replace-key'))
    requireRelease('0.2.0', '--replace-key', daemonStatus.version, typedContext);
  await unlockForLogin(typedContext, daemonStatus);
  const context = typedKind === null ? await chooseKind(typedContext) : typedContext;
  const kind = selectLoginKind(context);
  if (kind === null) throw missingKindError(context);
  const { options } = context;
  const { secret, settings: kindSettings } = await kind.readCredential(context);
  const params = {
    ...profileParamsOf(context),
    kind: kind.name,
    secret: secret?.expose(),
    settings: kindSettings,
    endpoint: options.get('endpoint'),
    impersonateServiceAccountId: options.get('impersonate-service-account-id'),
    cloudId: options.get('cloud-id'),
    folderId: options.get('folder-id'),
    replaceKey: options.has('replace-key') || undefined,
  };
  const result = await withProgress(
    `the ${daemonStatus.store.kind === 'keychain' ? 'keychain' : 'store'} and ${kind.waitingFor ?? 'Yandex Cloud'}`,
    callDaemon(context, methods.login, params),
  );
  const { profile, expiresAt, inherited, leftovers, lastUse } = result;
  const account = formatAccountName(result) ?? escapeControlCharacters(profile);
  const now = context.clock.now().wallMs;
  const validity = expiresAt && `; IAM token valid until ${formatLocalTime(expiresAt, now)}`;
  print(`logged in as ${account}${validity ?? ''}`);
  if (inherited !== undefined) print(formatInherited(inherited));
  printDaemonNotes([leftovers], context);
  if (options.has('replace-key') && !(await replaceKeyAfterLogin(context, profile, lastUse))) return;
  kind.printNextSteps?.(context, daemonStatus.store.kind);
}

const settings = [
  {
    key: 'impersonateServiceAccountId',
    name: 'impersonated account',
    option: 'impersonate-service-account-id',
  },
  { key: 'cloudId', name: 'cloud', option: 'cloud-id' },
  { key: 'folderId', name: 'folder', option: 'folder-id' },
  { key: 'endpoint', name: 'endpoint', option: 'endpoint' },
] as const;

function formatInherited(inherited: NonNullable<LoginResult['inherited']>): string {
  const inheritedSettings = settings.filter(({ key }) => inherited[key] !== undefined);
  const values = inheritedSettings.map(({ key, name }) => `${name} ${inherited[key]}`).join(', ');
  const clearOptions = inheritedSettings.map(({ option }) => `--${option} ''`).join(', ');
  return `kept from the previous login: ${escapeControlCharacters(values)} (to clear: ${clearOptions})`;
}
