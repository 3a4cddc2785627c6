import { later, patienceOf } from '../client/patience.ts';
import type { ProfileStatus } from '../protocol/messages.ts';
import * as methods from '../protocol/methods.ts';
import { given } from '../shared/given.ts';
import { type Call, type Command, withDaemon } from './command.ts';
import { warnOfOtherRelease } from './greet.ts';
import { type WholeStatus, wholeStatus } from './pages.ts';
import { statusLines } from './status-text.ts';
import { drawing, isTerminal, paintFor, print } from './terminal.ts';
import { jsonLine, visible } from './visible.ts';

export const status: Command = async (call) => {
  const { options } = call;
  const profile = options.get('profile');
  if (options.has('watch')) return watch(call, profile);
  const found = await withDaemon(call, (connection, patience) => wholeStatus(connection, profile, patience));
  if (options.has('json')) return print(jsonLine(found));
  warnOfOtherRelease(found.daemon.version, call);
  print(linesOf(found, call).join('\n'));
};

function linesOf(found: WholeStatus, { clock, surroundings }: Call): readonly string[] {
  return statusLines(found, clock.now().wallMs, paintFor(surroundings.env));
}

const everyMs = 1_000;

/**
 * Shows the status anew each second and at each event, until the daemon or the person ends it. What does not go to a
 * terminal gets a line for each change.
 */
async function watch(call: Call, profile: string | undefined): Promise<void> {
  const isJson = call.options.has('json');
  const draw = isTerminal('stdout') && !isJson ? drawing() : null;
  const shown = new Map<string, string>();
  await withDaemon(call, async (connection, patience) => {
    let wake = (): void => {};
    connection.onEvent(() => wake());
    await connection.ask(methods.subscribe, given({ profile }), patience);
    for (;;) {
      const next = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const found = await wholeStatus(connection, profile, patienceOf(call.timeoutMs));
      if (draw === null) for (const line of changes(found, shown, isJson)) print(line);
      else draw(linesOf(found, call));
      const takeBack = later(everyMs, () => wake());
      await next;
      takeBack();
    }
  });
}

/** A line for each profile that is not as it was `shown` last, or that is gone. */
function changes({ profiles }: WholeStatus, shown: Map<string, string>, isJson: boolean): readonly string[] {
  const lines: string[] = [];
  for (const profile of profiles) {
    const line = changeLine(profile);
    if (shown.get(profile.profile) === line) continue;
    shown.set(profile.profile, line);
    lines.push(isJson ? jsonLine(profile) : line);
  }
  for (const name of [...shown.keys()].filter((name) => !profiles.some(({ profile }) => profile === name))) {
    shown.delete(name);
    lines.push(isJson ? jsonLine({ profile: name, state: 'gone' }) : `${visible(name)} gone`);
  }
  return lines;
}

/** What counts as a change, and nothing that moves by itself. */
function changeLine({ profile, state, expiresAt, problem }: ProfileStatus): string {
  return [
    visible(profile),
    state,
    ...(expiresAt === null ? [] : [`until ${expiresAt}`]),
    ...(problem === null ? [] : [visible(problem.message)]),
  ].join(' ');
}
