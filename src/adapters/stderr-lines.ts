import type { Writable } from 'node:stream';

/** What may wait for the reader of stderr. */
const maxPendingBytes = 64 * 1024;

/**
 * Writes lines to stderr without ever waiting for its reader. Node keeps in memory what a full pipe does not take: beyond
 * 64 KiB, lines are dropped, and counted until the reader continues.
 * @param stderr a pipe or socket that does not block, as `process.stderr` is except for files and terminals
 * @param formatNotice the line about dropped lines, without its end
 */
export function createStderrLines(
  stderr: Writable,
  formatNotice: (droppedCount: number) => string,
): (line: string) => void {
  let droppedCount = 0;

  function reportDropped(): void {
    const count = droppedCount;
    droppedCount = 0;
    stderr.write(`${formatNotice(count)}\n`);
  }

  return (line) => {
    const isFull =
      stderr.writableNeedDrain && stderr.writableLength + Buffer.byteLength(line) > maxPendingBytes;
    if (droppedCount === 0 && !isFull) {
      stderr.write(line);
      return;
    }
    if (droppedCount === 0) stderr.once('drain', reportDropped);
    droppedCount += 1;
  };
}
