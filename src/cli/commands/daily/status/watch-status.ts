import { deadlineAfter, settlesWithin, sleep } from '../../../../client/deadline.ts';
import type { Connection } from '../../../../client/connection.ts';
import type { ProfileStatus } from '../../../../protocol/method-types.ts';
import * as methods from '../../../../protocol/methods.ts';
import { IamTokenError } from '../../../../shared/errors.ts';
import { type CommandContext, withDaemon } from '../../../command.ts';
import { fetchStatus } from '../../../fetch-status.ts';
import type { FullStatus } from '../../../../protocol/collect-pages.ts';
import { type DaemonSelection, formatHintText } from '../../../socket-line.ts';
import { escapeControlCharacters, escapeLines, formatJsonLine } from '../../../terminal/escape.ts';
import { createRedraw } from '../../../terminal/redraw.ts';
import { isTerminal, print, printNote } from '../../../terminal/terminal.ts';

const refreshIntervalMs = 1_000;

/** How the status and the absence of the daemon are shown. */
interface StatusView {
  readonly showStatus: (status: FullStatus) => void;
  readonly showDisconnected: (error: IamTokenError) => void;
}

/**
 * Shows the status every second and after each event, until the user presses Ctrl-C. Without a terminal, prints a line for
 * each change. Once connected, it connects again whenever the daemon is restarted.
 * @throws IamTokenError if the daemon cannot be reached at first, or responds with an error
 */
export async function watchStatus(
  context: CommandContext,
  profile: string | undefined,
  formatScreen: (status: FullStatus) => readonly string[],
): Promise<never> {
  const isJson = context.options.has('json');
  const view =
    isTerminal('stdout') && !isJson
      ? createScreenView(context, formatScreen)
      : createLineView(context, isJson);
  let isConnected = false;
  const showStatus = (status: FullStatus): void => {
    isConnected = true;
    view.showStatus(status);
  };
  for (let wasConnected = false; ; wasConnected ||= isConnected) {
    isConnected = false;
    try {
      await withDaemon(context, (connection) => follow(connection, context.timeoutMs, profile, showStatus));
    } catch (error) {
      if (!(isConnected || wasConnected) || !isDisconnection(error)) throw error;
      view.showDisconnected(error);
    }
    await sleep(refreshIntervalMs, undefined);
  }
}

/** The daemon stops, starts, or does not answer yet. */
function isDisconnection(error: unknown): error is IamTokenError {
  return error instanceof IamTokenError && (error.code === 'unreachable' || error.code === 'unavailable');
}

/** @throws IamTokenError `unreachable` when the connection closes */
async function follow(
  connection: Connection,
  timeoutMs: number,
  profile: string | undefined,
  showStatus: (status: FullStatus) => void,
): Promise<never> {
  let wake = (): void => {};
  connection.onEvent(() => wake());
  void connection.closed.then(() => wake());
  await connection.call(methods.subscribe, { profile }, deadlineAfter(timeoutMs));
  for (;;) {
    const nextUpdate = new Promise<void>((resolve) => {
      wake = resolve;
    });
    showStatus(await fetchStatus(connection, profile, deadlineAfter(timeoutMs)));
    await settlesWithin(nextUpdate, refreshIntervalMs);
  }
}

function createScreenView(
  selection: DaemonSelection,
  formatScreen: (status: FullStatus) => readonly string[],
): StatusView {
  const draw = createRedraw();
  return {
    showStatus: (status) => draw(formatScreen(status)),
    showDisconnected: ({ message, unrenderedHint }) => {
      const hint = formatHintText(unrenderedHint, selection);
      const hintLines = hint === undefined ? [] : escapeLines(hint).map((line) => `hint: ${line}`);
      draw([escapeControlCharacters(describeWait(message)), ...hintLines]);
    },
  };
}

function createLineView(selection: DaemonSelection, isJson: boolean): StatusView {
  const lastLines = new Map<string, string>();
  let isDisconnectionReported = false;
  return {
    showStatus: (status) => {
      isDisconnectionReported = false;
      for (const line of collectChanges(status, lastLines, isJson)) print(line);
    },
    showDisconnected: ({ message, unrenderedHint }) => {
      const hint = formatHintText(unrenderedHint, selection);
      if (!isDisconnectionReported) printNote(describeWait(message), hint);
      isDisconnectionReported = true;
    },
  };
}

function describeWait(reason: string): string {
  return `waiting for the daemon: ${reason}`;
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
