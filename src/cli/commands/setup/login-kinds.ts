/** How `login` reads each kind of credential. */
import { resolve } from 'node:path';
import { programCandidates } from '../../../platform/program-candidates.ts';
import { isExternalProgram } from '../../../platform/process-context.ts';
import type { IamTokenError } from '../../../shared/errors.ts';
import { daemonHint, formatHint } from '../../../shared/hint.ts';
import { omitUndefined } from '../../../shared/omit-undefined.ts';
import { Secret } from '../../../shared/secret.ts';
import { quoteShellWord } from '../../../shared/shell-quoting.ts';
import { canPrompt, promptHidden, readSecret, readSecretLine } from '../../terminal/prompt.ts';
import type { CommandContext } from '../../command.ts';
import { oauthSunset } from '../../../sources/kinds/oauth-sunset.ts';
import { usageError } from '../../cli-errors.ts';
import { replaceKeyOptions, validateReplaceKey } from '../../keys/login-replace-key.ts';
import { readSecretFile, warnIfOthersCanRead } from './secret-file.ts';
import { isTerminal, printNote } from '../../terminal/terminal.ts';

/** What `login` sends to the daemon. */
interface CredentialInput {
  readonly secret?: Secret;
  readonly settings?: Readonly<Record<string, string>>;
}

interface LoginKind {
  /** On the wire, and of the option that selects it. */
  readonly name: string;
  /** Options that are valid with this kind only. */
  readonly exclusiveOptions?: readonly string[];
  /**
   * Checks the options before the daemon is called.
   * @throws IamTokenError `bad_request`
   */
  readonly validate?: (context: CommandContext) => void;
  /**
   * Called once the daemon has answered.
   * @throws IamTokenError `bad_request`; SilentExit
   */
  readonly readCredential: (context: CommandContext) => CredentialInput | Promise<CredentialInput>;
  /** What the daemon waits for, besides the keychain. Default: Yandex Cloud. */
  readonly waitingFor?: string;
  /** Called after a successful login. */
  readonly printNextSteps?: (context: CommandContext, storeKind: string) => void;
}

/** The login command as typed, without the options for the credential. */
function formatLoginCommand({ options }: CommandContext): string {
  return formatHint({ command: 'login' }, omitUndefined({ name: options.get('profile') }));
}

/** The page that issues OAuth tokens, with the client id from the documentation of IAM. */
const oauthPage =
  'https://oauth.yandex.com/authorize?response_type=token&client_id=1a6990aa636648e9b2ef855fa7bec2fb';

const oauthInstructions = `Open this page, allow access, and copy the OAuth token:

  ${oauthPage}

Note: ${oauthSunset}.

`;

/** On a terminal the token is never shown, even with --stdin. */
const oauth: LoginKind = {
  name: 'oauth',
  exclusiveOptions: ['stdin'],

  validate(context) {
    if (context.options.has('stdin') || canPrompt()) return;
    throw usageError(
      'cannot prompt for the OAuth token without a terminal',
      daemonHint(`${formatLoginCommand(context)} --stdin < FILE`),
    );
  },

  async readCredential({ options }) {
    const fromStdin = options.has('stdin');
    const message = fromStdin ? 'OAuth token: ' : `${oauthInstructions}OAuth token (not shown): `;
    const secret = await (fromStdin && !isTerminal('stdin') ? readSecretLine() : promptHidden(message));
    if (secret.equals(new Secret(''))) throw usageError('the OAuth token is empty');
    return { secret };
  },
};

/** The client reads the file, which the daemon may be unable to; the daemon parses the key. */
const serviceAccountKey: LoginKind = {
  name: 'service-account-key',
  exclusiveOptions: Object.keys(replaceKeyOptions),

  validate(context) {
    validateReplaceKey(context, () => formatLoginCommand(context));
    if (context.options.get('service-account-key') !== '-' || !isTerminal('stdin')) return;
    throw usageError(
      'cannot read the key from a terminal, which would show it',
      daemonHint(`${formatLoginCommand(context)} --service-account-key FILE`),
    );
  },

  async readCredential({ options, processContext }) {
    const path = options.get('service-account-key') ?? '-';
    return {
      secret: await (path === '-'
        ? readSecret(process.stdin)
        : readSecretFile(path, processContext.platform)),
    };
  },

  printNextSteps({ options, processContext: { platform } }, storeKind) {
    const path = options.get('service-account-key') ?? '-';
    if (path === '-') return;
    warnIfOthersCanRead(path, platform);
    if (storeKind === 'memory') {
      printNote(`keep ${path}: the memory store loses the key when the daemon stops`);
    } else {
      const removeCommand = platform === 'win32' ? 'del' : 'rm';
      printNote(`${path} is no longer needed`, `${removeCommand} ${quoteShellWord(path, platform)}`);
    }
  },
};

const metadata: LoginKind = {
  name: 'metadata',
  waitingFor: 'the metadata service',
  readCredential: () => ({}),
};

const workloadIdentity: LoginKind = {
  name: 'workload-identity',
  exclusiveOptions: ['token-file', 'token-url'],

  validate(context) {
    if (context.options.has('token-file')) return;
    throw usageError(
      '--workload-identity requires --token-file',
      daemonHint(`${formatLoginCommand(context)} --workload-identity SA_ID --token-file PATH`),
    );
  },

  /** The path is made absolute: the daemon runs in another folder. */
  readCredential: ({ options }) => ({
    settings: omitUndefined({
      serviceAccountId: options.get('workload-identity') ?? '',
      tokenFile: resolve(options.get('token-file') ?? ''),
      tokenUrl: options.get('token-url'),
    }),
  }),
};

const yc: LoginKind = {
  name: 'yc',
  exclusiveOptions: ['yc-profile'],
  waitingFor: 'yc, which may open a browser',

  /** The client searches: the PATH of a service has fewer folders. */
  readCredential({ options, processContext }) {
    const path = programCandidates('yc', processContext).find(isExternalProgram);
    return { settings: omitUndefined({ path, profile: options.get('yc-profile') }) };
  },
};

const loginKinds: readonly LoginKind[] = [oauth, serviceAccountKey, metadata, workloadIdentity, yc];

/**
 * The kind that the options select; `null` if they name none.
 * @throws IamTokenError `bad_request` for two kinds, and for an option of another kind
 */
export function selectLoginKind({ options }: CommandContext): LoginKind | null {
  const [namedKind, otherKind] = loginKinds.filter(({ name }) => options.has(name));
  const kind = namedKind ?? (options.has('stdin') ? oauth : null);
  if (kind !== null && otherKind !== undefined) {
    throw usageError(
      `--${kind.name} and --${otherKind.name} cannot be combined: a profile has one credential`,
    );
  }
  for (const { name, exclusiveOptions = [] } of loginKinds) {
    const misplacedOption =
      name === kind?.name ? undefined : exclusiveOptions.find((option) => options.has(option));
    if (misplacedOption !== undefined) throw usageError(`--${misplacedOption} requires --${name}`);
  }
  return kind;
}

/** For a login without a kind and without a terminal. */
export function missingKindError(context: CommandContext): IamTokenError {
  const kinds =
    '--yc, --service-account-key FILE, --metadata, --workload-identity SA_ID --token-file PATH, or --oauth';
  return usageError(
    `login requires a kind of credential: ${kinds}`,
    daemonHint(`${formatLoginCommand(context)} --service-account-key FILE`),
  );
}
