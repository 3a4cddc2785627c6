/** How each kind of credential is handed in. */
import { resolve } from 'node:path';
import { programPlaces } from '../platform/find-program.ts';
import { isForeignProgram } from '../platform/surroundings.ts';
import { given } from '../shared/given.ts';
import { Secret } from '../shared/secret.ts';
import { profileOption, shellWord } from '../shared/shell-word.ts';
import { canAsk, promptHidden, readSecret, readSecretLine } from './asking.ts';
import type { Call } from './command.ts';
import { usageError } from './endings.ts';
import { readSecretFile } from './secret-file.ts';
import { isTerminal, note } from './terminal.ts';

/** What a person handed in. */
interface HandedIn {
  readonly secret?: Secret;
  readonly settings?: Readonly<Record<string, string>>;
}

interface LoginKind {
  /** On the wire, and of the option that means it. */
  readonly name: string;
  /** The options that mean something with it alone, where there are such. */
  readonly ownOptions?: readonly string[];
  /**
   * Finds what is wrong before the daemon is asked.
   * @throws IamTokenError `bad_request`
   */
  readonly check?: (call: Call) => void;
  /**
   * Called when the daemon is known to be there.
   * @throws IamTokenError `bad_request`; QuietEnd
   */
  readonly read: (call: Call) => HandedIn | Promise<HandedIn>;
  /** Whom the daemon waits for, beside the keychain; Yandex Cloud unless given. */
  readonly waitsFor?: string;
  /** Says, after a good login, what the person can do now. */
  readonly afterwards?: (call: Call, storeKind: string) => void;
}

/** The command that this login is, without what hands the credential in. */
function loginCommand({ options }: Call): string {
  const profile = options.get('profile');
  return profile === undefined ? 'iam-token login' : `iam-token login ${profileOption(profile)}`;
}

/** Where a person gets an OAuth token of their own; the client id is the one that the documentation names. */
const oauthPage =
  'https://oauth.yandex.com/authorize?response_type=token&client_id=1a6990aa636648e9b2ef855fa7bec2fb';

const invitation = `Open this page, allow the access, and copy the OAuth token that it shows:

  ${oauthPage}

Yandex Cloud refuses OAuth tokens made since 1 June 2026; an older one works until it expires.

`;

/** Through a terminal the token is never shown, however it was asked for. */
const oauth: LoginKind = {
  name: 'oauth',
  ownOptions: ['stdin'],

  check(call) {
    if (call.options.has('stdin') || canAsk()) return;
    throw usageError(
      'there is no terminal to ask for the OAuth token',
      `give it on one line of stdin: ${loginCommand(call)} --stdin < FILE`,
    );
  },

  async read({ options }) {
    const fromStdin = options.has('stdin');
    const question = fromStdin ? 'OAuth token: ' : `${invitation}OAuth token (not shown): `;
    const secret = await (fromStdin && !isTerminal('stdin') ? readSecretLine() : promptHidden(question));
    if (secret.equals(new Secret(''))) throw usageError('no OAuth token was given');
    return { secret };
  },
};

/** The client reads the file, for the daemon may not see it; what is in it, the daemon judges. */
const serviceAccountKey: LoginKind = {
  name: 'service-account-key',

  check(call) {
    if (call.options.get('service-account-key') !== '-' || !isTerminal('stdin')) return;
    throw usageError(
      'a terminal would show the key',
      `name its file: ${loginCommand(call)} --service-account-key FILE; or pipe it in`,
    );
  },

  async read({ options, surroundings }) {
    const path = options.get('service-account-key') ?? '-';
    return {
      secret: await (path === '-' ? readSecret(process.stdin) : readSecretFile(path, surroundings.platform)),
    };
  },

  afterwards({ options, surroundings: { platform } }, storeKind) {
    const path = options.get('service-account-key') ?? '-';
    if (path === '-') return;
    if (storeKind === 'memory') {
      note(`keep ${path}: the daemon has the key in memory alone, and forgets it when it ends`);
    } else {
      const remove = platform === 'win32' ? 'del' : 'rm';
      note(`${path} is not needed any more`, `${remove} ${shellWord(path, platform)}`);
    }
  },
};

const metadata: LoginKind = {
  name: 'metadata',
  waitsFor: 'the metadata service',
  read: () => ({}),
};

const workloadIdentity: LoginKind = {
  name: 'workload-identity',
  ownOptions: ['token-file'],

  check(call) {
    if (call.options.has('token-file')) return;
    throw usageError(
      '--workload-identity needs the file of the OIDC token',
      `${loginCommand(call)} --workload-identity SA_ID --token-file PATH`,
    );
  },

  /** The daemon works in another folder. */
  read: ({ options }) => ({
    settings: {
      serviceAccountId: options.get('workload-identity') ?? '',
      tokenFile: resolve(options.get('token-file') ?? ''),
    },
  }),
};

const yc: LoginKind = {
  name: 'yc',
  ownOptions: ['yc-profile'],
  waitsFor: 'yc, which may open a browser',

  /** A person's PATH has more folders than a service's. */
  read({ options, surroundings }) {
    const path = programPlaces('yc', surroundings).find(isForeignProgram);
    return { settings: given({ path, profile: options.get('yc-profile') }) };
  },
};

const loginKinds: readonly LoginKind[] = [oauth, serviceAccountKey, metadata, workloadIdentity, yc];

/**
 * The one kind that the options mean; `oauth` where they mean none.
 * @throws IamTokenError `bad_request` for two of them, and for an option that belongs to another
 */
export function chosenKind({ options }: Call): LoginKind {
  const [kind = oauth, second] = loginKinds.filter(({ name }) => options.has(name));
  if (second !== undefined) {
    throw usageError(`--${kind.name} and --${second.name} are two kinds of credential; give one of them`);
  }
  for (const { name, ownOptions = [] } of loginKinds) {
    const stray = name === kind.name ? undefined : ownOptions.find((option) => options.has(option));
    if (stray !== undefined) throw usageError(`--${stray} goes with --${name}`);
  }
  return kind;
}
