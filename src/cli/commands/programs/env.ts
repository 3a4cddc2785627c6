import { quotePosixWord, quotePowerShellWord } from '../../../shared/shell-quoting.ts';
import type { CommandContext, CommandDefinition } from '../../command.ts';
import { choice, preferredMinTtlOption, profileOption, quietOption } from '../../parsing/options.ts';
import { print } from '../../terminal/terminal.ts';
import { fetchTokenEnvironment, metadataOnlyOption, type Variables } from './token-environment.ts';

interface ShellSyntax {
  /** A command that fails. */
  readonly failure: string;
  readonly assign: (name: string, value: string) => string;
  readonly remove: (name: string) => string;
}

/** Single quotes prevent any expansion. POSIX, "Single-Quotes": only the closing quote is special. */
const posixSyntax: ShellSyntax = {
  failure: 'false',
  assign: (name, value) => `export ${name}=${quotePosixWord(value)}`,
  remove: (name) => `unset ${name}`,
};

const shellSyntaxes = {
  sh: posixSyntax,
  bash: posixSyntax,
  zsh: posixSyntax,
  // fishshell.com/docs/current/language.html, "Quotes": \' and \\ are the only escapes.
  fish: {
    failure: 'false',
    assign: (name, value) => `set -gx ${name} '${value.replaceAll(/['\\]/g, String.raw`\$&`)}'`,
    remove: (name) => `set -e ${name}`,
  },
  powershell: {
    failure: "Write-Error 'iam-token: no token'",
    assign: (name, value) => `$env:${name} = ${quotePowerShellWord(value)}`,
    remove: (name) => `Remove-Item -ErrorAction Ignore Env:${name}`,
  },
} as const satisfies Readonly<Record<string, ShellSyntax>>;

export type Shell = keyof typeof shellSyntaxes;

export function formatAssignments(shell: Shell, variables: Variables): string {
  const { assign, remove } = shellSyntaxes[shell];
  return Object.entries(variables)
    .map(([name, value]) => (value === undefined ? remove(name) : assign(name, value)))
    .join('\n');
}

export const env: CommandDefinition = {
  name: 'env',
  summary: 'print the token as shell variables',
  description:
    'The variables are YC_TOKEN, YC_IAM_TOKEN, IAM_TOKEN and, if the profile has them, YC_CLOUD_ID and YC_FOLDER_ID; and YC_METADATA_ADDR while the metadata address serves the profile. Without a token the last line is a command that fails (false; Write-Error in PowerShell), so that set -e ends a script.',
  options: {
    profile: profileOption,
    'min-ttl': preferredMinTtlOption,
    'metadata-only': metadataOnlyOption,
    'no-user-output': quietOption,
    shell: choice(Object.keys(shellSyntaxes), 'shell syntax (default: sh; on Windows powershell)'),
  },
  examples: ['eval "$(iam-token env)"', 'iam-token env --shell fish | source'],
  run: runEnv,
  formatFailure: (options, platform) => {
    const syntaxes: Readonly<Record<string, ShellSyntax>> = shellSyntaxes;
    const shell = options.get('shell') ?? '';
    const { failure } =
      (Object.hasOwn(syntaxes, shell) ? syntaxes[shell] : undefined) ??
      shellSyntaxes[defaultShellOf(platform)];
    return failure;
  },
};

const defaultShellOf = (platform: NodeJS.Platform): Shell => (platform === 'win32' ? 'powershell' : 'sh');

async function runEnv(context: CommandContext): Promise<void> {
  const { options, processContext } = context;
  const shell = (options.get('shell') ?? defaultShellOf(processContext.platform)) as Shell;
  print(formatAssignments(shell, await fetchTokenEnvironment(context)));
}
