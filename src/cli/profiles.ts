import type { ProfileSummary } from '../protocol/messages.ts';
import { type Command, withDaemon } from './command.ts';
import { allProfiles } from './pages.ts';
import { note, print } from './terminal.ts';
import { jsonLine, visible } from './visible.ts';

export const profiles: Command = async (call) => {
  const { options } = call;
  const found = await withDaemon(call, allProfiles);
  if (options.flag('json')) print(jsonLine({ profiles: found }));
  else if (found.length > 0) print(profilesText(found));
  else note('there are no profiles yet', 'iam-token login');
};

function profilesText(found: readonly ProfileSummary[]): string {
  const rows = found.map((each) => ({ ...each, shown: visible(each.profile) }));
  const width = Math.max(...rows.map(({ shown }) => shown.length));
  return rows
    .map(({ shown, kind, isDefault }) => `${isDefault ? '*' : ' '} ${shown.padEnd(width)}  ${visible(kind)}`)
    .join('\n');
}
