import { formatOption, formatProfileOption } from './shell-quoting.ts';

export const hintCommands = ['login', 'refresh', 'unlock'] as const;

/** A command of `iam-token`. Its profile, and for `login` the kind of credential, are added when it is rendered. */
export interface CommandHint {
  readonly command: (typeof hintCommands)[number];
  /** Rendered before the command, with a colon: `then` gives `then: iam-token login`. */
  readonly text?: string;
  /** For `login`: the kind of credential, if it is not the profile's own; empty: no options of a kind. */
  readonly kind?: string;
  /** Further options, quoted for a shell. */
  readonly options?: string;
  /** A program that runs the command, with its options. */
  readonly runner?: string;
}

/** A line with a command that calls the daemon, and any line that the daemon sent. */
export interface DaemonHint {
  readonly daemonText: string;
}

export type HintLine = string | CommandHint | DaemonHint;

/** What to do about a problem: a line or several, each free text or a command. */
export type Hint = HintLine | readonly HintLine[];

/** The profile that a hint is about. */
export interface HintProfile {
  /** Absent for the default profile, whose commands need no `--profile`. */
  readonly name?: string;
  readonly kind?: string;
  /** Those of `pickLoginSettings`. */
  readonly settings?: LoginSettings | undefined;
}

export type LoginSettings = Readonly<Record<string, string>>;

interface LoginOption {
  readonly option: string;
  /** Stands for the value if the setting is unknown. Without it, the option is then omitted. */
  readonly placeholder?: string;
  /** The setting on the wire that has the value. */
  readonly setting?: string;
}

/** The options of `login` by kind of credential; `test/cli/parsing/login-hints.test.ts` parses each. */
const loginOptions: ReadonlyMap<string, readonly LoginOption[]> = new Map([
  ['oauth', [{ option: '--oauth' }]],
  ['service-account-key', [{ option: '--service-account-key', placeholder: 'FILE' }]],
  ['metadata', [{ option: '--metadata' }]],
  [
    'workload-identity',
    [
      { option: '--workload-identity', placeholder: 'SA_ID', setting: 'serviceAccountId' },
      { option: '--token-file', placeholder: 'PATH', setting: 'tokenFile' },
      { option: '--token-url', setting: 'tokenUrl' },
    ],
  ],
  ['yc', [{ option: '--yc' }, { option: '--yc-profile', setting: 'profile' }]],
]);

/** The settings of a login that its hint repeats; `undefined` if there are none. None of them is a secret. */
export function pickLoginSettings(kind: string, settings: LoginSettings = {}): LoginSettings | undefined {
  const names = loginOptions.get(kind)?.map(({ setting }) => setting) ?? [];
  const picked = Object.entries(settings).filter(
    ([name, value]) => names.includes(name) && !/\p{C}/u.test(value),
  );
  return picked.length === 0 ? undefined : Object.fromEntries(picked);
}

/** Called only where a problem leaves the program: on the wire, in the log, and in an `IamTokenError`. */
export function formatHint(hint: Hint, profile: HintProfile = {}): string {
  return linesOf(hint)
    .map((line) => {
      if (typeof line === 'string') return line;
      return 'daemonText' in line ? line.daemonText : formatCommandHint(line, profile);
    })
    .join('\n');
}

export function daemonHint(daemonText: string): DaemonHint {
  return { daemonText };
}

/** The hint of a problem that the daemon sent. */
export function receivedHint({ hint }: { readonly hint?: string }): DaemonHint | undefined {
  return hint === undefined ? undefined : daemonHint(hint);
}

/** Whether a command in the hint calls the daemon. */
export function callsDaemon(hint: Hint): boolean {
  return linesOf(hint).some((line) => typeof line !== 'string');
}

/** The lines of all hints, in this order; `undefined` if there are none. */
export function joinHints(...hints: readonly (Hint | undefined)[]): Hint | undefined {
  const lines = hints.flatMap((hint) => (hint === undefined ? [] : linesOf(hint)));
  return lines.length > 1 ? lines : lines[0];
}

export function linesOf(hint: Hint): readonly HintLine[] {
  return typeof hint === 'string' || 'command' in hint || 'daemonText' in hint ? [hint] : hint;
}

function formatCommandHint(
  { command, text, kind, options, runner }: CommandHint,
  profile: HintProfile,
): string {
  const words = [...(runner === undefined ? [] : [runner]), 'iam-token', command];
  if (command !== 'unlock' && profile.name !== undefined) words.push(formatProfileOption(profile.name));
  if (command === 'login') words.push(...formatLoginOptions(kind ?? profile.kind ?? '', profile));
  if (options !== undefined) words.push(options);
  return `${text === undefined ? '' : `${text}: `}${words.join(' ')}`;
}

function formatLoginOptions(kind: string, profile: HintProfile): readonly string[] {
  const settings = kind === profile.kind ? profile.settings : undefined;
  return (loginOptions.get(kind) ?? []).flatMap(({ option, placeholder, setting }) => {
    const value = setting === undefined ? undefined : settings?.[setting];
    if (value !== undefined) return [formatOption(option, value)];
    if (placeholder !== undefined) return [`${option} ${placeholder}`];
    return setting === undefined ? [option] : [];
  });
}
