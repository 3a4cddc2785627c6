import type { DaemonStatus } from '../../../../protocol/method-types.ts';
import type { WireProblem } from '../../../../shared/errors.ts';
import { formatTimeSpan } from '../../../../shared/duration.ts';
import type { FullStatus } from '../../../../protocol/collect-pages.ts';
import { escapeControlCharacters } from '../../../terminal/escape.ts';
import type { StyleText } from '../../../terminal/terminal.ts';
import { formatAccount, profileRowsOf } from './profile-rows.ts';
import { formatProfileTable } from './profile-table.ts';
import { escapeOptional, formatRows, problemRowsOf, type Row } from './status-rows.ts';

/**
 * `status` for people: a table of several profiles, a block for each, then one for the daemon.
 * @param columns width at which tables are cut and long texts are wrapped
 */
export function formatStatus(
  { daemon, profiles }: FullStatus,
  nowMs: number,
  styleText: StyleText,
  columns = Infinity,
): readonly string[] {
  const profileBlocks = profiles.map((profile) => [
    formatTitle(
      styleText('bold', escapeControlCharacters(profile.profile)) + (profile.isDefault ? ' (default)' : ''),
      formatAccount(profile),
    ),
    ...formatRows(profileRowsOf(profile, nowMs, styleText), columns),
    '',
  ]);
  const tableLines =
    profiles.length > 1 ? [...formatProfileTable(profiles, nowMs, styleText, columns), ''] : [];
  const noProfilesLines = profiles.length === 0 ? ['no profiles yet; to log in: iam-token login', ''] : [];
  const uptime = formatTimeSpan(nowMs - Date.parse(daemon.startedAt));
  return [
    ...tableLines,
    ...profileBlocks.flat(),
    ...noProfilesLines,
    formatTitle(
      styleText('bold', 'daemon'),
      `version ${escapeControlCharacters(daemon.version)}, running for ${uptime} (process ${daemon.pid})`,
    ),
    ...formatRows(daemonRowsOf(daemon, styleText), columns),
  ];
}

/** Whether there are commands in what `formatStatus` shows. */
export function hasCommands({ daemon, profiles }: FullStatus): boolean {
  const { store, metadataProblem, metricsProblem } = daemon;
  const problems = [
    ...profiles.flatMap(({ problem, key }) => [problem, key?.problem]),
    ...[store.problem, store.confirmation, store.leftovers, metadataProblem, metricsProblem],
  ];
  return (
    profiles.length === 0 ||
    daemon.locked === true ||
    profiles.some(({ notice }) => notice !== undefined) ||
    problems.some((problem) => problem?.hint !== undefined)
  );
}

function formatTitle(name: string, description: string | null): string {
  return description === null ? name : `${name}   ${description}`;
}

/** Values of `protection` and `containers` for people; a newer daemon may have others. */
const protectionTexts: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'own uid': 'own user only',
    'own uid, and guests': 'own user; others can only get tokens',
    closed: 'closed to debuggers',
    tokens: 'can only get tokens',
    full: 'have full access',
  }),
);

function daemonRowsOf(
  { manager, locked, protection, containers, store, ...endpoints }: DaemonStatus,
  styleText: StyleText,
): readonly Row[] {
  return [
    ['locked', locked === true ? styleText('error', 'yes; to unlock: iam-token unlock') : null],
    [
      'service',
      manager ? escapeControlCharacters(`${manager.unit} (${manager.kind})`) : 'none, started by hand',
    ],
    [
      'store',
      `${escapeControlCharacters(store.kind)}, ${store.state === 'open' ? 'open' : styleText('error', 'closed')}`,
    ],
    ...problemRowsOf(store.problem),
    ...problemRowsOf(store.confirmation ?? null, 'notice'),
    ...problemRowsOf(store.leftovers ?? null, 'leftovers'),
    ['peers', formatProtection(protection?.peers)],
    ['memory', formatProtection(protection?.memory)],
    ['containers', formatProtection(containers)],
    ...addressRowsOf('metadata', endpoints.metadataAddress, endpoints.metadataProblem, styleText),
    ...addressRowsOf('metrics', endpoints.metricsAddress, endpoints.metricsProblem, styleText),
  ];
}

function addressRowsOf(
  label: string,
  address: string | undefined,
  problem: WireProblem | undefined,
  styleText: StyleText,
): readonly Row[] {
  return problem === undefined
    ? [[label, escapeOptional(address)]]
    : [[label, escapeOptional(address)], [label, styleText('error', 'off')], ...problemRowsOf(problem)];
}

function formatProtection(value: string | undefined): string | null {
  return value === undefined ? null : (protectionTexts.get(value) ?? escapeControlCharacters(value));
}
