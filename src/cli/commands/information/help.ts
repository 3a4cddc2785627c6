import type { CommandContext, CommandDefinition } from '../../command.ts';
import { print } from '../../terminal/terminal.ts';

/** @param formatHelpOf the help of a command by its name; of `iam-token` itself for an empty name */
export function createHelpCommand(formatHelpOf: (name: string) => string): CommandDefinition {
  return {
    name: 'help',
    summary: 'show how to use iam-token or one of its commands',
    operand: { kind: 'command-name', placeholder: 'COMMAND' },
    examples: ['iam-token help login'],
    run: async ({ operand }: CommandContext) => print(formatHelpOf(operand)),
  };
}
