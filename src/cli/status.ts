import { type Command, withDaemon } from './command.ts';
import { warnOfOtherRelease } from './release-warning.ts';
import { statusLines } from './status-text.ts';
import { watchStatus } from './status-watch.ts';
import { paintFor, print } from './terminal.ts';
import { jsonLine } from './visible.ts';
import { wholeStatus } from './whole-status.ts';

export const status: Command = async (call) => {
  const { options, surroundings, clock } = call;
  const profile = options.text('profile');
  if (options.flag('watch')) return watchStatus(call, profile);
  const found = await withDaemon(call, (connection, patience) => wholeStatus(connection, profile, patience));
  if (options.flag('json')) {
    print(jsonLine(found));
  } else {
    warnOfOtherRelease(found.daemon.version, call);
    print(statusLines(found, clock.now().wallMs, paintFor(surroundings.env)).join('\n'));
  }
};
