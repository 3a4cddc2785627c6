import { displayWidth } from './display-width.ts';
import { print } from './terminal.ts';

/**
 * @returns draws lines over those of its last call. The terminal wraps them to its width; those that do not fit into its
 *   height are counted in the last line
 */
export function createRedraw(): (lines: readonly string[]) => void {
  let drawnLines: readonly string[] = [];
  return (lines) => {
    // Node reports 0 for a terminal that does not know its size.
    const { columns, rows } = process.stdout;
    const width = columns || 80;
    // Counted at the width of now: a terminal wraps its lines again when its width changes.
    const drawnRows = countRows(drawnLines, width);
    const cursorUp = drawnRows === 0 ? '' : `\x1b[${drawnRows}A\r\x1b[J`;
    drawnLines = fitLines(lines, width, (rows || 24) - 1);
    print(cursorUp + drawnLines.join('\n'));
  };
}

/** The lines that fit into `rows`; if that is not all, the last line says how many are left out. */
export function fitLines(lines: readonly string[], columns: number, rows: number): readonly string[] {
  if (countRows(lines, columns) <= rows) return lines;
  const reservedRows = countRows([describeOmittedLines(lines.length)], columns);
  let usedRows = reservedRows;
  const firstOmitted = lines.findIndex((line) => {
    usedRows += countRows([line], columns);
    return usedRows > rows;
  });
  return [...lines.slice(0, firstOmitted), describeOmittedLines(lines.length - firstOmitted)];
}

function describeOmittedLines(count: number): string {
  return `… ${count} more ${count === 1 ? 'line' : 'lines'}; enlarge the terminal to see ${count === 1 ? 'it' : 'them'}`;
}

function countRows(lines: readonly string[], columns: number): number {
  return lines.reduce((rows, line) => rows + Math.max(Math.ceil(displayWidth(line) / columns), 1), 0);
}
