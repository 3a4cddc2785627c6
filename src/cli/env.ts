import type { Command } from './command.ts';
import { print } from './terminal.ts';
import { tokenEnvironment } from './token-environment.ts';

/** How each shell sets a variable for its children; within single quotes it reads nothing into a value. */
const assignments = {
  // POSIX, "Single-Quotes": nothing within them is special but their end.
  sh: (name: string, value: string) => `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'`,
  // fishshell.com/docs/current/language.html, "Quotes": \' and \\ are the only escapes there.
  fish: (name: string, value: string) => `set -gx ${name} '${value.replaceAll(/['\\]/g, String.raw`\$&`)}'`,
  // about_Quoting_Rules: a doubled quote stands for one; the parser takes typographic ones for the same.
  powershell: (name: string, value: string) =>
    `$env:${name} = '${value.replaceAll(/['\u2018-\u201b]/g, '$&$&')}'`,
};

export type Shell = keyof typeof assignments;

export function shellText(shell: Shell, variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => assignments[shell](name, value))
    .join('\n');
}

/** Prints variables for a shell that reads them: `eval "$(iam-token env)"`. */
export const env: Command = async (call) => {
  const usual = call.surroundings.platform === 'win32' ? 'powershell' : 'sh';
  const shell = (call.options.text('shell') ?? usual) as Shell;
  print(shellText(shell, await tokenEnvironment(call)));
};
