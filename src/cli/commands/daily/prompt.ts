import { collectPages } from '../../../protocol/collect-pages.ts';
import type { ProfileStatus } from '../../../protocol/method-types.ts';
import { formatShortTimeSpan } from '../../../shared/duration.ts';
import { promptStatus } from '../../../protocol/prompt-status.ts';
import { type CommandContext, type CommandDefinition, profileParamsOf, withDaemon } from '../../command.ts';
import { profileOption } from '../../parsing/options.ts';
import { escapeControlCharacters } from '../../terminal/escape.ts';
import { print } from '../../terminal/terminal.ts';

export const prompt: CommandDefinition = {
  name: 'prompt',
  summary: 'print the profile and the time left, for a prompt',
  description:
    'Print a segment such as `work 3h12m` for the prompt of a shell, tmux or starship. A trailing ! means that renewal fails. Print nothing if the daemon does not answer in time or has no such profile.',
  options: { profile: profileOption },
  examples: ["PS1='$(iam-token prompt) '$PS1", "tmux set -g status-right '#(iam-token prompt)'"],
  timeoutMs: 250,
  run: runPrompt,
};

/** The fields of `promptStatus`. */
type PromptProfile = Pick<ProfileStatus, 'profile' | 'isDefault' | 'state' | 'timeLeftMs'>;

async function runPrompt(context: CommandContext): Promise<void> {
  const { profile: name } = profileParamsOf(context);
  const status = await withDaemon(context, (connection, deadline) =>
    collectPages((range) => connection.call(promptStatus, { profile: name, ...range }, deadline)),
  ).catch(() => null); // A message would disturb the prompt; the next command reports the problem.
  const profiles: readonly PromptProfile[] = status?.profiles ?? [];
  const profile = profiles.find(({ isDefault }) => name !== undefined || isDefault);
  if (profile !== undefined) print(formatSegment(profile));
}

function formatSegment({ profile, state, timeLeftMs }: PromptProfile): string {
  const hasMinutes = timeLeftMs !== null && timeLeftMs >= 60_000;
  const timeLeft = hasMinutes ? formatShortTimeSpan(timeLeftMs) : state.replaceAll('_', ' ');
  const life = hasMinutes && state !== 'ok' ? `${timeLeft}!` : timeLeft;
  return `${escapeControlCharacters(profile)} ${life}`;
}
