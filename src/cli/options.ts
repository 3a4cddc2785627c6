/** The one table of commands and options: parsing, `--help`, completion and the manual page go by it. */
import { minTtlAtMostMs } from '../protocol/messages.ts';

export type Operand =
  | { readonly kind: 'profile'; readonly placeholder: string }
  | { readonly kind: 'choice'; readonly placeholder: string; readonly choices: readonly string[] }
  /** Words that are not ours to read, whatever they look like: a command; or arguments, of which there may be none. */
  | { readonly kind: 'command' | 'arguments'; readonly placeholder: string };

export type OptionValue =
  | { readonly kind: 'flag' }
  /** `id`: of a thing of Yandex Cloud. */
  | { readonly kind: 'text' | 'profile' | 'id'; readonly placeholder: string }
  /** Such as `500ms`, `30s`, `10m`, `1h`; a number alone is seconds. */
  | {
      readonly kind: 'duration';
      readonly placeholder: string;
      readonly atLeastMs: number;
      readonly atMostMs: number;
    }
  | { readonly kind: 'choice'; readonly choices: readonly string[] };

interface Option {
  readonly value: OptionValue;
  readonly help: string;
}

export interface OptionSpec extends Option {
  readonly name: string;
}

interface Row {
  /** Nothing follows unless given. */
  readonly operand?: Operand;
  readonly help: string;
  /** Its own, beside those of all commands. */
  readonly options?: Readonly<Record<string, Option>>;
  /** How long it waits unless told otherwise, where that is longer than others do. */
  readonly timeoutMs?: number;
}

const option = (value: OptionValue, help: string): Option => ({ value, help });
const flag = (help: string): Option => option({ kind: 'flag' }, help);
const text = (placeholder: string, help: string): Option => option({ kind: 'text', placeholder }, help);
const id = (placeholder: string, help: string): Option => option({ kind: 'id', placeholder }, help);
const choice = (choices: readonly string[], help: string): Option =>
  option({ kind: 'choice', choices }, help);
const minTtl = (placeholder: string, help: string): Option =>
  option({ kind: 'duration', placeholder, atLeastMs: 0, atMostMs: minTtlAtMostMs }, help);
const profileName = { kind: 'profile', placeholder: 'NAME' } as const;
const profile = option(profileName, 'the profile; without it IAM_TOKEND_PROFILE, else the default one');
const longMinTtl = minTtl(
  '1h',
  'a token that lives at least this long, at most 12h; where there is none, a warning and the longest there is',
);
const json = flag('one line of JSON, in the form of PROTOCOL.md');
const keptId = id('ID', 'kept with the profile, for programs that ask for it');

/** A keychain that asks a person may take 120 s, and the exchange comes on top. */
const timeoutMs = 150_000;

/** `token` is the command without a name. */
const rows = {
  token: {
    help: 'print a living IAM token',
    options: {
      profile,
      'min-ttl': minTtl('10m', 'a token that lives at least this long; at most 12h'),
      format: choice(
        ['text', 'json', 'header'],
        'the token alone, all that is known of it, or an Authorization header',
      ),
    },
  },
  'create-token': {
    help: 'print a token as `yc iam create-token` does, for scripts that call that',
    options: {
      profile,
      format: choice(['text', 'json', 'yaml'], 'the token alone, or with its end'),
      'no-user-output': flag('no warning and no word about waiting'),
      'impersonate-service-account-id': id(
        'ID',
        'a token of this service account, as which the profile may act',
      ),
      'folder-id': text('ID', 'taken as yc takes it; a token is the same for all folders'),
      'cloud-id': text('ID', 'taken as yc takes it; a token is the same for all clouds'),
    },
  },
  login: {
    help: 'hand a credential to the daemon, which keeps it in the keychain',
    timeoutMs,
    options: {
      profile,
      oauth: flag('the credential is an OAuth token, asked for at a hidden prompt; the default'),
      stdin: flag('with --oauth: it is read from one line of stdin'),
      'service-account-key': text(
        'FILE|-',
        'it is an authorized key of a service account, as `yc iam key create` writes it; - is stdin',
      ),
      metadata: flag('it is the service account of the VM that the daemon runs on'),
      'workload-identity': id(
        'SA_ID',
        'it is an OIDC token of others, which Yandex Cloud takes for this service account',
      ),
      'token-file': text(
        'PATH',
        'with --workload-identity: where the OIDC token lies, and is renewed by others',
      ),
      yc: flag('it is the login of `yc`, whoever that is'),
      'yc-profile': text('NAME', "with --yc: one of yc's own profiles; its active one unless given"),
      'impersonate-service-account-id': id(
        'ID',
        "the profile's tokens are those of this service account, as which the credential may act",
      ),
      'cloud-id': keptId,
      'folder-id': keptId,
      endpoint: text('URL', "the IAM API that it belongs to, where that is not the daemon's own"),
    },
  },
  logout: {
    help: 'have the daemon forget a credential',
    timeoutMs,
    options: { profile, revoke: flag('and have Yandex Cloud refuse the IAM token from now on') },
  },
  refresh: { help: 'renew the token now', timeoutMs, options: { profile } },
  status: {
    help: 'how the daemon and all profiles are',
    options: {
      profile: option(profileName, 'this profile alone'),
      json,
      watch: flag('go on, and show each change'),
    },
  },
  profiles: { help: 'list the profiles; * marks the default one', options: { json } },
  use: { operand: profileName, help: 'make a profile the default one' },
  lock: { help: 'have the daemon forget all secrets, and give no token until unlock' },
  unlock: {
    help: 'open the store, and have tokens given again',
    timeoutMs,
    options: {
      stdin: flag("read the file store's passphrase from one line of stdin instead of a hidden prompt"),
    },
  },
  install: {
    help: 'have systemd or launchd start the daemon now and with each session; also after an upgrade',
    timeoutMs,
    options: {
      yc: flag(
        'and put a yc into ~/.local/bin that is `iam-token yc`, for scripts that call yc; taken away by uninstall',
      ),
      'dry-run': flag('print what would be written and run, and do nothing'),
      system: flag('as root: one daemon for the whole system, which the group iam-tokend may ask for tokens'),
    },
  },
  uninstall: {
    help: 'take away what install made',
    timeoutMs,
    options: {
      system: flag('as root: the daemon of the whole system'),
      purge: flag('forget all credentials and remove the configuration too'),
    },
  },
  doctor: {
    help: 'look for what is wrong, from here to Yandex Cloud',
    options: {
      json: flag('one line of JSON'),
      bundle: text(
        'FILE',
        'write all that was found and the end of the log into a new file; secrets are taken out',
      ),
    },
  },
  stop: { help: 'end the daemon' },
  completion: {
    operand: { kind: 'choice', placeholder: 'SHELL', choices: ['bash', 'zsh', 'fish', 'powershell'] },
    help: 'print what teaches a shell our words, and has iam_token_prompt for its prompt',
  },
  exec: {
    operand: { kind: 'command', placeholder: '-- COMMAND …' },
    help: 'run a command with the token in YC_TOKEN, YC_IAM_TOKEN and IAM_TOKEN, and the cloud and folder of the profile',
    options: { profile, 'min-ttl': longMinTtl },
  },
  env: {
    help: 'print the same variables for a shell to read: eval "$(iam-token env)"',
    options: {
      profile,
      'min-ttl': longMinTtl,
      shell: choice(
        ['sh', 'fish', 'powershell'],
        'whose language it is; sh unless given, and powershell on Windows',
      ),
    },
  },
  'docker-credential': {
    operand: { kind: 'choice', placeholder: 'ACTION', choices: ['get', 'store', 'erase', 'list'] },
    help: 'answer docker, which calls it as docker-credential-iam-token',
    options: { profile },
  },
  'kubernetes-credential': {
    help: 'answer kubectl, as an exec plugin of its configuration',
    options: { profile },
  },
  'aws-credential-process': {
    help: 'answer the tools of AWS, as their credential_process: short-lived keys of Object Storage',
    options: { profile },
  },
  yc: {
    operand: { kind: 'arguments', placeholder: 'ARGS …' },
    help: 'answer what yc is asked for tokens, and have the real yc do the rest, with our token',
    options: { profile },
  },
} satisfies Readonly<Record<string, Row>>;

export type CommandName = keyof typeof rows;

export interface CommandSpec extends Row {
  readonly name: CommandName;
}

const table: Readonly<Record<CommandName, Row>> = rows;

export const commands: readonly CommandSpec[] = Object.entries(table).map(([name, row]) => ({
  name: name as CommandName,
  ...row,
}));

/** All that are called by a name. */
export const namedCommands = commands.filter(({ name }) => name !== 'token');

/** All that a command takes, each of its options once. */
export function optionsOf(command: CommandName): readonly OptionSpec[] {
  const row = table[command];
  const all: Readonly<Record<string, Option>> = {
    ...row.options,
    socket: text('PATH', "the daemon's socket; without it IAM_TOKEND_SOCKET, else the usual place"),
    timeout: option(
      { kind: 'duration', placeholder: '10s', atLeastMs: 1, atMostMs: 24 * 60 * 60_000 },
      row.timeoutMs === undefined
        ? 'how long to wait for the daemon; 10s unless given'
        : 'how long to wait for the daemon, and for the keychain to be unlocked; 150s unless given',
    ),
    help: flag('this text'),
    ...(command === 'token' ? { version: flag('the release') } : {}),
  };
  return Object.entries(all).map(([name, option]) => ({ name, ...option }));
}

/** Of whatever command: all of one name take a value, or none does. */
export const options: readonly OptionSpec[] = commands.flatMap(({ name }) => optionsOf(name));

/** How the option is written in a text: `--profile NAME`. */
export function signature({ name, value }: OptionSpec): string {
  return value.kind === 'flag' ? `--${name}` : `--${name} ${standIn(value)}`;
}

/** What stands for the value in a text: `NAME`, or all that it can be. */
function standIn(value: Exclude<OptionValue, { readonly kind: 'flag' }> | Operand): string {
  return value.kind === 'choice' ? value.choices.join('|') : value.placeholder;
}

/** Whether what follows is not ours: our options stand before it. */
export function isForeign(operand: Operand | undefined): boolean {
  return operand?.kind === 'command' || operand?.kind === 'arguments';
}

/** How the command is called: `iam-token use NAME`. */
export function callOf({ name, operand }: Pick<CommandSpec, 'name' | 'operand'>): string {
  return [
    'iam-token',
    ...(name === 'token' ? [] : [name]),
    ...(operand === undefined ? [] : [standIn(operand)]),
  ].join(' ');
}
