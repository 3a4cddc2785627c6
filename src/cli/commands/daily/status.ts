import { deadlineAfter, settlesWithin } from '../../../client/deadline.ts';
import * as methods from '../../../protocol/methods.ts';
import type { ProfileStatus } from '../../../protocol/method-types.ts';
import { type CommandContext, type CommandDefinition, withDaemon } from '../../command.ts';
import { flag, jsonOption, profileOption } from '../../parsing/options.ts';
import { warnOnVersionMismatch } from '../../check-daemon.ts';
import { type FullStatus, fetchStatus } from '../../fetch-status.ts';
import { addSocketToHints } from '../../socket-hints.ts';
import { formatStatus } from './format-status.ts';
import { createRedraw, isTerminal, createStyleText, print } from '../../terminal/terminal.ts';
import { formatJsonLine, escapeControlCharacters } from '../../terminal/escape.ts';

export const status: CommandDefinition = {
  name: 'status',
  summary: 'show the daemon and all profiles',
  options: {
    profile: { ...profileOption, help: 'show only this profile' },
    json: jsonOption,
    watch: flag('keep running and show each change'),
  },
  examples: ['iam-token status', 'iam-token status --json'],
  run: runStatus,
};

async function runStatus(context: CommandContext): Promise<void> {
  const { options } = context;
  const profile = options.get('profile');
  if (options.has('watch')) return watch(context, profile);
  const fullStatus = await withDaemon(context, (connection, deadline) =>
    fetchStatus(connection, profile, deadline),
  );
  if (options.has('json')) return print(formatJsonLine(fullStatus));
  warnOnVersionMismatch(fullStatus.daemon.version, context);
  print(formatScreen(fullStatus, context).join('\n'));
}

function formatScreen(
  fullStatus: FullStatus,
  { clock, processContext, socketPath }: CommandContext,
): readonly string[] {
  const columns = isTerminal('stdout') ? process.stdout.columns || 80 : Infinity;
  const shownStatus = addSocketToHints(fullStatus, socketPath);
  return formatStatus(shownStatus, clock.now().wallMs, createStyleText(processContext.env), columns);
}

const refreshIntervalMs = 1_000;

/**
 * Shows the status every second and after each event, until the daemon stops or the user presses Ctrl-C. Without a
 * terminal, prints a line for each change.
 */
async function watch(context: CommandContext, profile: string | undefined): Promise<void> {
  const isJson = context.options.has('json');
  const draw = isTerminal('stdout') && !isJson ? createRedraw() : null;
  const lastLines = new Map<string, string>();
  await withDaemon(context, async (connection, deadline) => {
    let wake = (): void => {};
    connection.onEvent(() => wake());
    await connection.call(methods.subscribe, { profile }, deadline);
    for (;;) {
      const nextUpdate = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const fullStatus = await fetchStatus(connection, profile, deadlineAfter(context.timeoutMs));
      if (draw === null) for (const line of collectChanges(fullStatus, lastLines, isJson)) print(line);
      else draw(formatScreen(fullStatus, context));
      await settlesWithin(nextUpdate, refreshIntervalMs);
    }
  });
}

/** A line for each profile that has changed since the last call, or is gone. */
function collectChanges(
  { profiles }: FullStatus,
  lastLines: Map<string, string>,
  isJson: boolean,
): readonly string[] {
  const lines: string[] = [];
  for (const profile of profiles) {
    const line = formatChange(profile);
    if (lastLines.get(profile.profile) === line) continue;
    lastLines.set(profile.profile, line);
    lines.push(isJson ? formatJsonLine(profile) : line);
  }
  for (const name of [...lastLines.keys()].filter(
    (name) => !profiles.some(({ profile }) => profile === name),
  )) {
    lastLines.delete(name);
    lines.push(
      isJson ? formatJsonLine({ profile: name, state: 'gone' }) : `${escapeControlCharacters(name)} gone`,
    );
  }
  return lines;
}

/** The fields that count as a change: not those that change with every second. */
function formatChange({ profile, state, expiresAt, problem }: ProfileStatus): string {
  return [
    escapeControlCharacters(profile),
    state,
    ...(expiresAt === null ? [] : [`until ${expiresAt}`]),
    ...(problem === null ? [] : [escapeControlCharacters(problem.message)]),
  ].join(' ');
}
