import type { ProfileSummary } from '../../../protocol/method-types.ts';
import * as methods from '../../../protocol/methods.ts';
import { callDaemon, type CommandContext, type CommandDefinition, withDaemon } from '../../command.ts';
import { jsonOption } from '../../parsing/options.ts';
import { fetchProfiles } from '../../fetch-status.ts';
import { addSocketToHint } from '../../socket-hints.ts';
import { escapeControlCharacters, formatJsonLine } from '../../terminal/escape.ts';
import { print, printNote } from '../../terminal/terminal.ts';

export const profiles: CommandDefinition = {
  name: 'profiles',
  summary: 'list the profiles, or rename one',
  description:
    'An asterisk marks the default profile. A renamed profile keeps its credential, its token and its subscribers.',
  operand: { kind: 'action', placeholder: '[rename OLD NEW]', action: 'rename', nameCount: 2 },
  options: { json: jsonOption },
  examples: ['iam-token profiles', 'iam-token profiles rename work office'],
  run: runProfiles,
};

async function runProfiles(context: CommandContext): Promise<void> {
  if (context.operand === 'rename') return runRename(context);
  const summaries = await withDaemon(context, fetchProfiles);
  if (context.options.has('json')) print(formatJsonLine({ profiles: summaries }));
  else if (summaries.length > 0) print(formatProfiles(summaries));
  else printNote('no profiles yet', addSocketToHint('iam-token login', context.socketPath));
}

async function runRename(context: CommandContext): Promise<void> {
  const [, from = '', to = ''] = context.operands;
  const { profile } = await callDaemon(context, methods.rename, { profile: from, to });
  print(`renamed ${escapeControlCharacters(from)} to ${escapeControlCharacters(profile)}`);
}

function formatProfiles(summaries: readonly ProfileSummary[]): string {
  const rows = summaries.map((each) => ({ ...each, displayName: escapeControlCharacters(each.profile) }));
  const width = Math.max(...rows.map(({ displayName }) => displayName.length));
  return rows
    .map(
      ({ displayName, kind, isDefault }) =>
        `${isDefault ? '*' : ' '} ${displayName.padEnd(width)}  ${escapeControlCharacters(kind)}`,
    )
    .join('\n');
}
