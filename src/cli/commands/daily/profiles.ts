import * as methods from '../../../protocol/methods.ts';
import { daemonHint } from '../../../shared/hint.ts';
import { callDaemon, type CommandContext, type CommandDefinition, withDaemon } from '../../command.ts';
import { jsonOption } from '../../parsing/options.ts';
import { fetchProfiles, fetchStatus } from '../../fetch-status.ts';
import { formatHintText } from '../../socket-line.ts';
import { escapeControlCharacters, formatJsonLine } from '../../terminal/escape.ts';
import { createStyleText, getOutputColumns, print, printNote } from '../../terminal/terminal.ts';
import { formatProfileTable } from './status/profile-table.ts';

export const profiles: CommandDefinition = {
  name: 'profiles',
  summary: 'list the profiles, or rename one',
  description:
    'The list shows the account, the kind of credential, the state, the time left of the token and the next renewal. An asterisk marks the default profile. A renamed profile keeps its credential, its token and its subscribers.',
  operand: { kind: 'action', placeholder: '[rename OLD NEW]', action: 'rename', nameCount: 2 },
  options: { json: jsonOption },
  examples: ['iam-token profiles', 'iam-token profiles rename work office'],
  run: runProfiles,
};

async function runProfiles(context: CommandContext): Promise<void> {
  if (context.operand === 'rename') return runRename(context);
  if (context.options.has('json')) {
    return print(formatJsonLine({ profiles: await withDaemon(context, fetchProfiles) }));
  }
  const { profiles: statuses } = await withDaemon(context, (connection, deadline) =>
    fetchStatus(connection, undefined, deadline),
  );
  if (statuses.length === 0)
    return printNote('no profiles yet', formatHintText(daemonHint('iam-token login'), context));
  const styleText = createStyleText(context.processContext.env);
  const table = formatProfileTable(statuses, context.clock.now().wallMs, styleText, getOutputColumns());
  return print(table.join('\n'));
}

async function runRename(context: CommandContext): Promise<void> {
  const [, from = '', to = ''] = context.operands;
  const { profile } = await callDaemon(context, methods.rename, { profile: from, to });
  print(`renamed ${escapeControlCharacters(from)} to ${escapeControlCharacters(profile)}`);
}
