import * as methods from '../client/methods.ts';
import type { Connection } from '../client/connection.ts';
import type { Patience } from '../client/patience.ts';
import type { Answer, DaemonStatus, ProfileStatus } from '../protocol/messages.ts';
import { type Command, withDaemon } from './command.ts';
import { allPages } from './pages.ts';
import { statusLines } from './status-text.ts';
import { watchStatus } from './status-watch.ts';
import { paintFor, print } from './terminal.ts';
import { jsonLine } from './visible.ts';

/** What `status --json` prints: the answers of all pages as one. */
export interface WholeStatus {
  readonly daemon: DaemonStatus;
  readonly profiles: readonly ProfileStatus[];
}

export const status: Command = async (call) => {
  const { options, surroundings, clock } = call;
  const profile = options.text('profile');
  if (options.flag('watch')) return watchStatus(call, profile, wholeStatus);
  const found = await withDaemon(call, (connection, patience) => wholeStatus(connection, profile, patience));
  if (options.flag('json')) {
    print(jsonLine(found));
  } else {
    print(statusLines(found, clock.now().wallMs, paintFor(surroundings.env)).join('\n'));
  }
};

async function wholeStatus(
  connection: Connection,
  profile: string | undefined,
  patience: Patience,
): Promise<WholeStatus> {
  let daemon: DaemonStatus | undefined;
  const profiles = await allPages(async (after) => {
    const params = profile === undefined ? after : { profile };
    const page: Answer<'status'> = await connection.ask(methods.status, params, patience);
    daemon = page.daemon;
    return { items: page.profiles, next: page.next };
  });
  if (daemon === undefined) throw new Error('a status without a page');
  return { daemon, profiles };
}
