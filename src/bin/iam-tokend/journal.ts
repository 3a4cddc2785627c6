import { fstatSync } from 'node:fs';

/** Compares device and inode: a child process can inherit the variable but not the stream (systemd.exec(5)). */
export function isStderrJournal(): boolean {
  const journalStream = process.env['JOURNAL_STREAM'];
  // Without a journal, stderr may be closed, and fstat would throw.
  if (journalStream === undefined) return false;
  // Without `bigint`, the result stays in a buffer that Node's module loader reads too: if stderr is a pipe or a socket, it
  // then does not recognise links, and loads a linked package twice, once empty (seen with Node 20.20).
  const { dev, ino } = fstatSync(2, { bigint: true });
  return journalStream === `${dev}:${ino}`;
}
