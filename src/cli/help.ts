import { exitCodes } from './exit-codes.ts';
import {
  callOf,
  type CommandSpec,
  isForeign,
  namedCommands,
  optionsOf,
  type OptionSpec,
  signature,
} from './options.ts';

const widthOfHelp = 100;

/** What `--help` prints, without the last line's end. */
export function helpText(command: CommandSpec): string {
  return command.name === 'token' ? overview(command) : ofCommand(command);
}

function overview(command: CommandSpec): string {
  return [
    `usage: iam-token [OPTIONS]           ${command.help}`,
    `       iam-token COMMAND [OPTIONS]   see iam-token COMMAND --help`,
    '',
    'commands:',
    ...table(
      namedCommands.map(({ name, operand, help }) => [`${name} ${operand?.placeholder ?? ''}`.trim(), help]),
    ),
    '',
    'options:',
    ...optionTable(optionsOf('token')),
    '',
    'exit codes:',
    ...table(Object.entries(exitCodes)),
  ].join('\n');
}

function ofCommand(command: CommandSpec): string {
  const call = callOf(command);
  return [
    `usage: ${isForeign(command.operand) ? call.replace(command.name, '$& [OPTIONS]') : `${call} [OPTIONS]`}`,
    '',
    ...wrapped(`${command.help.slice(0, 1).toUpperCase()}${command.help.slice(1)}.`, widthOfHelp),
    '',
    'options:',
    ...optionTable(optionsOf(command.name)),
  ].join('\n');
}

function optionTable(options: readonly OptionSpec[]): readonly string[] {
  return table(options.map((option) => [signature(option), option.help]));
}

/** A line for each row, and more where its text is long. */
export function table(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.flatMap(([left, right]) =>
    wrapped(right, widthOfHelp - width - 2).map((line, index) =>
      `  ${(index === 0 ? left : '').padEnd(width)}${line}`.trimEnd(),
    ),
  );
}

function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
