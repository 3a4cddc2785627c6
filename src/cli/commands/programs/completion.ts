import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandContext, CommandDefinition } from '../../command.ts';
import { print } from '../../terminal/terminal.ts';

export const completion: CommandDefinition = {
  name: 'completion',
  summary: 'print a shell completion script',
  description:
    'The script also defines iam_token_prompt, which prints the profile and the time left for a shell prompt.',
  operand: { kind: 'choice', placeholder: 'SHELL', choices: ['bash', 'zsh', 'fish', 'powershell'] },
  examples: ['eval "$(iam-token completion bash)"', 'iam-token completion fish | source'],
  run: runCompletion,
};

/** The script calls `iam-token __complete` at each Tab, so it fits any installed release. */
async function runCompletion({ operand }: CommandContext): Promise<void> {
  const path = join(__dirname, '../../scripts/shells', `iam-token.${operand}`);
  print(readFileSync(path, 'utf8').trimEnd());
}
