import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitForExit } from '../../support/processes/process-result.ts';
import { moduleUrl } from '../../support/processes/run-module.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

const url = moduleUrl('adapters/winston-log');

describe('createStderrLines', () => {
  const folder = useTemporaryFolder();
  const path = (): string => join(folder(), 'log');

  /** Prints how much waits in memory, once the parent reads stdout; never waits for stderr. */
  const writeUnread = `
    const { createWinstonLog } = await import(input.url);
    const log = createWinstonLog('info', input.folder);
    log.write('info', 'first');
    for (let i = 0; i < input.count; i++) {
      log.write('info', 'x'.repeat(1_000));
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    console.log(process.stderr.writableLength);
    process.stdin.once('data', async () => {
      log.write('info', 'last');
      await log.close();
      process.stderr.write('', () => process.exit(0));
    });
  `;

  for (const [where, prepare] of [
    ['the journal', () => null],
    ['a log file that cannot be written', () => (writeFileSync(path(), ''), path())],
  ] as const) {
    it(`E13: keeps at most 64 KiB for a reader of stderr that does not read, in place of ${where}, and counts the rest`, async () => {
      const count = 3_000;
      const input = { url, folder: prepare(), count };
      const script = `const input = JSON.parse(process.argv[1]);${writeUnread}`;
      const child = spawn(
        process.execPath,
        ['--input-type=module', '--eval', script, JSON.stringify(input)],
        { stdio: 'pipe' },
      );
      try {
        const [pending] = (await once(child.stdout, 'data')) as [Buffer];
        // The line that exceeds the limit is the last that is kept.
        assert.ok(Number(pending) <= 65 * 1_024, String(pending));
        let stderr = '';
        child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
        await waitUntil(() => stderr.includes('dropped'), 'the number is written');
        child.stdin.end('continue');
        const { code } = await waitForExit(child);
        assert.equal(code, 0);
        const dropped = Number(/dropped (\d+) log lines: stderr was not read\n/.exec(stderr)?.[1]);
        const written = stderr.split('x'.repeat(1_000)).length - 1;
        assert.equal(written + dropped, count);
        assert.ok(stderr.length < 300_000, String(stderr.length));
        assert.match(stderr, /last\n$/);
      } finally {
        child.kill();
      }
    });
  }
});
