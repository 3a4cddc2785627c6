import type { WireProblem } from '../shared/errors.ts';
import { printNote } from './terminal/terminal.ts';

/** Names removed credentials that are still in a store, after a command that should have removed one. */
export function printLeftovers(leftovers: WireProblem | undefined): void {
  if (leftovers !== undefined) printNote(leftovers.message, leftovers.hint);
}
