import { formatOption } from '../shared/shell-quoting.ts';

/** A command at the beginning of a line, after an introduction, or after another command. */
const commandPattern = /(?<=^|: |[;&] )iam-tokend?(?=\s|$)[^;&<>|\n]*/gm;

/** They call no daemon, or one that another program chooses. */
const withoutSocket =
  /^iam-token (?:install|uninstall|help|version|completion|docker-credential|yc)\b|--help\b/;

/**
 * A hint with the `--socket` of this command line in its commands, which would reach another daemon without it. Commands
 * that another program runs are unchanged: they may run on another machine.
 */
export function addSocketToHint(hint: string, socketPath: string | undefined): string {
  if (!socketPath) return hint;
  const option = formatOption('--socket', socketPath);
  return hint.replaceAll(commandPattern, (command) =>
    withoutSocket.test(command) || /--socket\b/.test(command)
      ? command
      : command.replace(/^iam-token(?: [a-z][\w-]*|d)?/, (words) => `${words} ${option}`),
  );
}

/** A copy of a result of the daemon, with the option in each hint. */
export function addSocketToHints<T>(result: T, socketPath: string | undefined): T {
  if (!socketPath) return result;
  // Results are JSON.
  const text = JSON.stringify(result, (key, value: unknown) =>
    key === 'hint' && typeof value === 'string' ? addSocketToHint(value, socketPath) : value,
  );
  return JSON.parse(text) as T;
}
