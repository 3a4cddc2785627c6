import type { ProfileStatus } from '../../../../protocol/method-types.ts';
import { formatShortTimeSpan } from '../../../../shared/duration.ts';
import { displayWidth, padToWidth, truncateToWidth } from '../../../terminal/display-width.ts';
import { escapeControlCharacters } from '../../../terminal/escape.ts';
import type { StyleText } from '../../../terminal/terminal.ts';
import { stateStyles } from './profile-rows.ts';

const headers = ['PROFILE', 'ACCOUNT', 'KIND', 'STATE', 'LEFT', 'RENEWAL'] as const;
type Cells = readonly [
  name: string,
  account: string,
  kind: string,
  state: string,
  left: string,
  renewal: string,
];

const gap = '  ';
/** In a narrow terminal the longest of these two columns is cut first, then the kind, then the state. */
const [nameColumn, accountColumn, kindColumn, stateColumn] = [0, 1, 2, 3] as const;
const minWidths = [8, 8, 4, 8, 0, 0] as const;

/** Kinds whose name on the wire is long. */
const shortKinds: ReadonlyMap<string, string> = new Map(
  Object.entries({ 'service-account-key': 'key', 'workload-identity': 'workload' }),
);

/**
 * A line for each profile, below a line of headers; an asterisk marks the default profile.
 * @param columns at least 60; the cells of wider tables are cut
 */
export function formatProfileTable(
  profiles: readonly ProfileStatus[],
  nowMs: number,
  styleText: StyleText,
  columns: number,
): readonly string[] {
  const rows = profiles.map((profile) => ({ profile, cells: cellsOf(profile, nowMs) }));
  const widths = fitWidths(
    headers.map((header, index) =>
      Math.max(displayWidth(header), ...rows.map(({ cells }) => displayWidth(cells[index] ?? ''))),
    ),
    columns - 2 - gap.length * (headers.length - 1),
  );
  const formatLine = (
    mark: string,
    cells: readonly string[],
    styleState: (text: string) => string,
  ): string => {
    const paddedCells = cells.map((cell, index) => {
      const width = widths[index] ?? 0;
      const paddedCell = padToWidth(truncateToWidth(cell, width), width);
      return index === stateColumn ? styleState(paddedCell) : paddedCell;
    });
    return `${mark} ${paddedCells.join(gap)}`.trimEnd();
  };
  return [
    formatLine(' ', headers, (text) => text),
    ...rows.map(({ profile: { isDefault, state }, cells }) =>
      formatLine(isDefault ? '*' : ' ', cells, (text) => styleText(stateStyles[state], text)),
    ),
  ];
}

function cellsOf(status: ProfileStatus, nowMs: number): Cells {
  const { profile, displayName, subject, kind, state, timeLeftMs } = status;
  return [
    escapeControlCharacters(profile),
    escapeControlCharacters(displayName ?? subject ?? '-'),
    escapeControlCharacters(shortKinds.get(kind) ?? kind),
    state.replaceAll('_', ' '),
    timeLeftMs === null ? '-' : timeLeftMs <= 0 ? 'expired' : formatShortTimeSpan(timeLeftMs),
    formatNextRenewal(status, nowMs),
  ];
}

function formatNextRenewal({ state, nextRenewalAt }: ProfileStatus, nowMs: number): string {
  if (state === 'renewing') return 'now';
  if (nextRenewalAt === null) return '-';
  const remainingMs = Date.parse(nextRenewalAt) - nowMs;
  return remainingMs < 1_000 ? 'now' : `in ${formatShortTimeSpan(remainingMs)}`;
}

/** @returns widths whose sum is at most `available`, as far as the minimum widths allow it */
function fitWidths(widths: readonly number[], available: number): readonly number[] {
  const fitted = [...widths];
  const canShrink = (column: number): boolean => (fitted[column] ?? 0) > (minWidths[column] ?? 0);
  for (let excess = sum(fitted) - available; excess > 0; excess -= 1) {
    const longest = (fitted[nameColumn] ?? 0) > (fitted[accountColumn] ?? 0) ? nameColumn : accountColumn;
    const column = [longest, kindColumn, stateColumn].find(canShrink);
    if (column === undefined) break;
    fitted[column] = (fitted[column] ?? 0) - 1;
  }
  return fitted;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
