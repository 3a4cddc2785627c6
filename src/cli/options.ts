/** The one table of commands and options: parsing, `--help`, completion and the manual page go by it. */
import { defaultTimeoutMs } from '../client/request-token.ts';
import { minTtlAtMostMs } from '../protocol/messages.ts';

export type CommandName =
  | 'token'
  | 'create-token'
  | 'login'
  | 'logout'
  | 'refresh'
  | 'status'
  | 'profiles'
  | 'use'
  | 'lock'
  | 'unlock'
  | 'install'
  | 'uninstall'
  | 'doctor'
  | 'stop'
  | 'exec'
  | 'env'
  | 'docker-credential'
  | 'kubernetes-credential'
  | 'aws-credential-process'
  | 'yc'
  | 'completion';

export type Operand =
  | { readonly kind: 'profile'; readonly placeholder: string }
  | { readonly kind: 'choice'; readonly placeholder: string; readonly choices: readonly string[] }
  /** Words that are not ours to read, whatever they look like: a command; or arguments, of which there may be none. */
  | { readonly kind: 'command' | 'arguments'; readonly placeholder: string };

export interface CommandSpec {
  /** `token` is the command without a name. */
  readonly name: CommandName;
  /** Nothing follows unless given. */
  readonly operand?: Operand;
  readonly help: string;
}

export const commands: readonly CommandSpec[] = [
  { name: 'token', help: 'print a living IAM token' },
  { name: 'create-token', help: 'print a token as `yc iam create-token` does, for scripts that call that' },
  { name: 'login', help: 'hand a credential to the daemon, which keeps it in the keychain' },
  { name: 'logout', help: 'have the daemon forget a credential' },
  { name: 'refresh', help: 'renew the token now' },
  { name: 'status', help: 'how the daemon and all profiles are' },
  { name: 'profiles', help: 'list the profiles; * marks the default one' },
  { name: 'use', operand: { kind: 'profile', placeholder: 'NAME' }, help: 'make a profile the default one' },
  { name: 'lock', help: 'have the daemon forget all secrets, and give no token until unlock' },
  { name: 'unlock', help: 'open the store, and have tokens given again' },
  {
    name: 'install',
    help: 'have systemd or launchd start the daemon now and with each session; also after an upgrade',
  },
  { name: 'uninstall', help: 'take away what install made' },
  { name: 'doctor', help: 'look for what is wrong, from here to Yandex Cloud' },
  { name: 'stop', help: 'end the daemon' },
  {
    name: 'completion',
    operand: { kind: 'choice', placeholder: 'SHELL', choices: ['bash', 'zsh', 'fish', 'powershell'] },
    help: 'print what teaches a shell our words, and has iam_token_prompt for its prompt',
  },
  {
    name: 'exec',
    operand: { kind: 'command', placeholder: '-- COMMAND …' },
    help: 'run a command with the token in YC_TOKEN, YC_IAM_TOKEN and IAM_TOKEN, and the cloud and folder of the profile',
  },
  { name: 'env', help: 'print the same variables for a shell to read: eval "$(iam-token env)"' },
  {
    name: 'docker-credential',
    operand: { kind: 'choice', placeholder: 'ACTION', choices: ['get', 'store', 'erase', 'list'] },
    help: 'answer docker, which calls it as docker-credential-iam-token',
  },
  { name: 'kubernetes-credential', help: 'answer kubectl, as an exec plugin of its configuration' },
  {
    name: 'aws-credential-process',
    help: 'answer the tools of AWS, as their credential_process: short-lived keys of Object Storage',
  },
  {
    name: 'yc',
    operand: { kind: 'arguments', placeholder: 'ARGS …' },
    help: 'answer what yc is asked for tokens, and have the real yc do the rest, with our token',
  },
];

/** Those that stand between a program and its token. */
const forPrograms = [
  'exec',
  'env',
  'docker-credential',
  'kubernetes-credential',
  'aws-credential-process',
] as const satisfies readonly CommandName[];

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
      /** What holds unless given; nothing does unless there is one. */
      readonly usualMs?: number;
    }
  | { readonly kind: 'choice'; readonly choices: readonly string[] };

export interface OptionSpec {
  readonly name: string;
  readonly value: OptionValue;
  readonly help: string;
  readonly commands: readonly CommandName[] | 'all';
}

const flag: OptionValue = { kind: 'flag' };
const waitingTime = {
  kind: 'duration',
  placeholder: '10s',
  atLeastMs: 1,
  atMostMs: 24 * 60 * 60_000,
} as const;
/** A keychain that asks a person may take 120 s, and the exchange comes on top. */
const longTimeoutMs = 150_000;

export const options: readonly OptionSpec[] = [
  {
    name: 'profile',
    value: { kind: 'profile', placeholder: 'NAME' },
    help: 'the profile; without it IAM_TOKEND_PROFILE, else the default one',
    commands: ['token', 'create-token', 'login', 'logout', 'refresh', ...forPrograms, 'yc'],
  },
  {
    name: 'profile',
    value: { kind: 'profile', placeholder: 'NAME' },
    help: 'this profile alone',
    commands: ['status'],
  },
  {
    name: 'min-ttl',
    value: { kind: 'duration', placeholder: '10m', atLeastMs: 0, atMostMs: minTtlAtMostMs },
    help: 'a token that lives at least this long; at most 12h',
    commands: ['token'],
  },
  {
    name: 'min-ttl',
    value: { kind: 'duration', placeholder: '1h', atLeastMs: 0, atMostMs: minTtlAtMostMs },
    help: 'a token that lives at least this long, at most 12h; where there is none, a warning and the longest there is',
    commands: ['exec', 'env'],
  },
  {
    name: 'shell',
    value: { kind: 'choice', choices: ['sh', 'fish', 'powershell'] },
    help: 'whose language it is; sh unless given, and powershell on Windows',
    commands: ['env'],
  },
  {
    name: 'format',
    value: { kind: 'choice', choices: ['text', 'json', 'header'] },
    help: 'the token alone, all that is known of it, or an Authorization header',
    commands: ['token'],
  },
  {
    name: 'format',
    value: { kind: 'choice', choices: ['text', 'json', 'yaml'] },
    help: 'the token alone, or with its end',
    commands: ['create-token'],
  },
  {
    name: 'no-user-output',
    value: flag,
    help: 'no warning and no word about waiting',
    commands: ['create-token'],
  },
  {
    name: 'impersonate-service-account-id',
    value: { kind: 'id', placeholder: 'ID' },
    help: 'a token of this service account, as which the profile may act',
    commands: ['create-token'],
  },
  {
    name: 'folder-id',
    value: { kind: 'text', placeholder: 'ID' },
    help: 'taken as yc takes it; a token is the same for all folders',
    commands: ['create-token'],
  },
  {
    name: 'cloud-id',
    value: { kind: 'text', placeholder: 'ID' },
    help: 'taken as yc takes it; a token is the same for all clouds',
    commands: ['create-token'],
  },
  {
    name: 'oauth',
    value: flag,
    help: 'the credential is an OAuth token, asked for at a hidden prompt; the default',
    commands: ['login'],
  },
  {
    name: 'stdin',
    value: flag,
    help: 'with --oauth: it is read from one line of stdin',
    commands: ['login'],
  },
  {
    name: 'service-account-key',
    value: { kind: 'text', placeholder: 'FILE|-' },
    help: 'it is an authorized key of a service account, as `yc iam key create` writes it; - is stdin',
    commands: ['login'],
  },
  {
    name: 'metadata',
    value: flag,
    help: 'it is the service account of the VM that the daemon runs on',
    commands: ['login'],
  },
  {
    name: 'workload-identity',
    value: { kind: 'id', placeholder: 'SA_ID' },
    help: 'it is an OIDC token of others, which Yandex Cloud takes for this service account',
    commands: ['login'],
  },
  {
    name: 'token-file',
    value: { kind: 'text', placeholder: 'PATH' },
    help: 'with --workload-identity: where the OIDC token lies, and is renewed by others',
    commands: ['login'],
  },
  {
    name: 'yc',
    value: flag,
    help: 'it is the login of `yc`, whoever that is',
    commands: ['login'],
  },
  {
    name: 'yc-profile',
    value: { kind: 'text', placeholder: 'NAME' },
    help: "with --yc: one of yc's own profiles; its active one unless given",
    commands: ['login'],
  },
  {
    name: 'impersonate-service-account-id',
    value: { kind: 'id', placeholder: 'ID' },
    help: "the profile's tokens are those of this service account, as which the credential may act",
    commands: ['login'],
  },
  {
    name: 'cloud-id',
    value: { kind: 'id', placeholder: 'ID' },
    help: 'kept with the profile, for programs that ask for it',
    commands: ['login'],
  },
  {
    name: 'folder-id',
    value: { kind: 'id', placeholder: 'ID' },
    help: 'kept with the profile, for programs that ask for it',
    commands: ['login'],
  },
  {
    name: 'stdin',
    value: flag,
    help: "read the file store's passphrase from one line of stdin instead of a hidden prompt",
    commands: ['unlock'],
  },
  {
    name: 'endpoint',
    value: { kind: 'text', placeholder: 'URL' },
    help: "the IAM API that it belongs to, where that is not the daemon's own",
    commands: ['login'],
  },
  {
    name: 'revoke',
    value: flag,
    help: 'and have Yandex Cloud refuse the IAM token from now on',
    commands: ['logout'],
  },
  {
    name: 'json',
    value: flag,
    help: 'one line of JSON, in the form of PROTOCOL.md',
    commands: ['status', 'profiles'],
  },
  { name: 'json', value: flag, help: 'one line of JSON', commands: ['doctor'] },
  {
    name: 'bundle',
    value: { kind: 'text', placeholder: 'FILE' },
    help: 'write all that was found and the end of the log into a new file; secrets are taken out',
    commands: ['doctor'],
  },
  { name: 'watch', value: flag, help: 'go on, and show each change', commands: ['status'] },
  {
    name: 'yc',
    value: flag,
    help: 'and put a yc into ~/.local/bin that is `iam-token yc`, for scripts that call yc; taken away by uninstall',
    commands: ['install'],
  },
  {
    name: 'dry-run',
    value: flag,
    help: 'print what would be written and run, and do nothing',
    commands: ['install'],
  },
  {
    name: 'system',
    value: flag,
    help: 'as root: one daemon for the whole system, which the group iam-tokend may ask for tokens',
    commands: ['install', 'uninstall'],
  },
  {
    name: 'purge',
    value: flag,
    help: 'forget all credentials and remove the configuration too',
    commands: ['uninstall'],
  },
  {
    name: 'socket',
    value: { kind: 'text', placeholder: 'PATH' },
    help: "the daemon's socket; without it IAM_TOKEND_SOCKET, else the usual place",
    commands: 'all',
  },
  {
    name: 'timeout',
    value: { ...waitingTime, usualMs: defaultTimeoutMs },
    help: 'how long to wait for the daemon; 10s unless given',
    commands: [
      ...([
        'token',
        'create-token',
        'status',
        'profiles',
        'use',
        'lock',
        'doctor',
        'stop',
        'yc',
        'completion',
      ] as const),
      ...forPrograms,
    ],
  },
  {
    name: 'timeout',
    value: { ...waitingTime, usualMs: longTimeoutMs },
    help: 'how long to wait for the daemon, and for the keychain to be unlocked; 150s unless given',
    commands: ['login', 'logout', 'refresh', 'unlock', 'install', 'uninstall'],
  },
  { name: 'help', value: flag, help: 'this text', commands: 'all' },
  { name: 'version', value: flag, help: 'the release', commands: ['token'] },
];

export function optionsOf(command: CommandName): readonly OptionSpec[] {
  return options.filter(({ commands }) => commands === 'all' || commands.includes(command));
}

/** How the option is written in a text: `--profile NAME`. */
export function signature({ name, value }: OptionSpec): string {
  return value.kind === 'flag' ? `--${name}` : `--${name} ${standIn(value)}`;
}

/** What stands for the value in a text: `NAME`, or all that it can be. */
export function standIn(value: Exclude<OptionValue, { readonly kind: 'flag' }> | Operand): string {
  return value.kind === 'choice' ? value.choices.join('|') : value.placeholder;
}

/** Whether what follows is not ours: our options stand before it. */
export function isForeign(operand: Operand | undefined): boolean {
  return operand?.kind === 'command' || operand?.kind === 'arguments';
}

/** How the command is called: `iam-token use NAME`. */
export function callOf({ name, operand }: CommandSpec): string {
  return [
    'iam-token',
    ...(name === 'token' ? [] : [name]),
    ...(operand === undefined ? [] : [standIn(operand)]),
  ].join(' ');
}
