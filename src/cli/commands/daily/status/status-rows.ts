/** The rows of a block of `status`. */
import type { WireProblem } from '../../../../shared/errors.ts';
import { wrapText } from '../../../parsing/format-text.ts';
import { escapeControlCharacters } from '../../../terminal/escape.ts';

/** A row without text is omitted. */
export type Row = readonly [label: string, text: string | null];

const labelWidth = 13;

export function problemRowsOf(problem: WireProblem | null, label = 'problem'): readonly Row[] {
  if (problem === null) return [];
  const hintLines = problem.hint?.split('\n') ?? [];
  return [
    [label, escapeControlCharacters(problem.message)],
    ...hintLines.map((line, index): Row => [index === 0 ? 'hint' : '', escapeControlCharacters(line)]),
  ];
}

export function escapeOptional(text: string | undefined): string | null {
  return text === undefined ? null : escapeControlCharacters(text);
}

/** Hints are not wrapped: a command must stay on one line to be copied. */
const unwrappedLabels: readonly string[] = ['hint', ''];

export function formatRows(rows: readonly Row[], columns: number): readonly string[] {
  return rows.flatMap(([label, text]) => {
    if (text === null) return [];
    const lines = unwrappedLabels.includes(label) ? [text] : wrapText(text, columns - labelWidth - 3);
    return lines.map((line, index) => `  ${(index === 0 ? label : '').padEnd(labelWidth)} ${line}`);
  });
}
