import type { CommandDefinition, CommandGroup } from '../command.ts';
import { exitCodes } from './exit-codes.ts';
import { formatTable, sentencesOf, wrapText } from './format-text.ts';
import { formatUsage, optionsOf } from './command-options.ts';
import { formatOptionUsage, isPassthrough } from './options.ts';

/**
 * What `--help` prints, without the final newline.
 * @param commandGroups shown for `iam-token` itself
 */
export function formatHelp(command: CommandDefinition, commandGroups: readonly CommandGroup[]): string {
  const { name, summary, description } = command;
  return [
    ...wrapText(sentencesOf(summary, description)),
    '',
    'Usage:',
    ...(name === '' ? overviewUsage : [`  ${formatUsageLine(command)}`]),
    '',
    ...(name === '' ? formatCommandGroups(commandGroups) : []),
    'Options',
    ...formatTable(optionsOf(command).map((option) => [formatOptionUsage(option), option.help])),
    '',
    'Examples',
    ...command.examples.map((example) => `  ${example}`),
    ...(name === '' ? ['', ...formatExitCodes(), '', 'More about a command: iam-token COMMAND --help'] : []),
  ].join('\n');
}

const overviewUsage = [
  '  iam-token [--profile NAME] [--min-ttl DURATION] [--format text|json|header|none]',
  '  iam-token COMMAND [OPTIONS]',
];

function formatCommandGroups(groups: readonly CommandGroup[]): readonly string[] {
  const width = Math.max(...groups.flatMap(({ commands }) => commands.map(({ name }) => name.length)));
  return groups.flatMap(({ title, commands }) => [
    title,
    ...formatTable(
      commands.map(({ name, summary }) => [name, summary]),
      width,
    ),
    '',
  ]);
}

function formatExitCodes(): readonly string[] {
  const meanings = Object.entries(exitCodes).map(([code, meaning]) => `${code} ${meaning}`);
  return wrapText(`Exit codes: ${meanings.join('; ')}`);
}

/** Options precede the arguments of another program, and follow any other operand. */
function formatUsageLine(command: CommandDefinition): string {
  const usage = formatUsage(command);
  const prefix = `iam-token ${command.name}`;
  return isPassthrough(command.operand) ? usage.replace(prefix, `${prefix} [OPTIONS]`) : `${usage} [OPTIONS]`;
}
