import type { WireProblem } from '../shared/errors.ts';
import { receivedHint } from '../shared/hint.ts';
import { type DaemonSelection, formatHintText } from './socket-line.ts';
import { printNote } from './terminal/terminal.ts';

/** Prints what the daemon reports besides a success, such as a removed credential that is still in a store. */
export function printDaemonNotes(
  problems: readonly (Pick<WireProblem, 'message' | 'hint'> | undefined)[],
  selection: DaemonSelection,
): void {
  const notes = problems.filter((problem) => problem !== undefined);
  const firstWithHint = notes.find(({ hint }) => hint !== undefined);
  for (const note of notes) {
    const hint = note === firstWithHint ? formatHintText(receivedHint(note), selection) : note.hint;
    printNote(note.message, hint);
  }
}
