import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { winstonLog } from '../../src/adapters/winston-log.ts';
import { type LogFields, type LogLevel, logLevels } from '../../src/shared/log.ts';
import { canaries } from '../support/canaries.ts';
import type { Ended } from '../support/ended.ts';
import { moduleUrl, runModule } from '../support/run-module.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

type Written = readonly [level: LogLevel, message: string, fields?: LogFields];

const url = moduleUrl('adapters/winston-log');

describe('the log', () => {
  const folder = temporaryFolder();
  const path = (): string => join(folder(), 'log');
  const file = (): string => join(path(), 'iam-tokend.log');
  const lines = (): readonly string[] => readFileSync(file(), 'utf8').split('\n').slice(0, -1);

  /** What stands in the file after these were written, without the time. */
  async function logged(level: LogLevel, written: readonly Written[]): Promise<readonly string[]> {
    const log = winstonLog(level, path());
    for (const each of written) log.write(...each);
    await log.close();
    return lines().map((line) => line.replace(/^\S+ /, ''));
  }

  it('has a line for each message: time, level, text and what it is about', async () => {
    const log = winstonLog('info', path());
    log.write('warn', 'could not renew', {
      profile: 'my work',
      attempt: 2,
      isDefault: true,
      subject: null,
      kind: undefined,
    });
    await log.close();
    assert.match(
      lines().join('|'),
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warn could not renew profile="my work" attempt=2 isDefault=true subject=null$/,
    );
  });

  it('writes what came before winston was loaded, in its order, and what comes after', async () => {
    const log = winstonLog('info', path());
    log.write('info', 'first');
    log.write('info', 'second');
    for (let turns = 0; turns < 1_000 && !statSync(file(), { throwIfNoEntry: false }); turns++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    log.write('info', 'third');
    await log.close();
    assert.deepEqual(
      lines().map((line) => line.replace(/^.* /, '')),
      ['first', 'second', 'third'],
    );
  });

  it('leaves out what is below its level, and takes a new one at once', async () => {
    const all = logLevels.map((level): Written => [level, `at ${level}`]);
    assert.deepEqual(await logged('warn', all), ['error at error', 'warn at warn']);
    const log = winstonLog('error', path());
    log.write('debug', 'before');
    log.setLevel('debug');
    log.write('debug', 'after');
    await log.close();
    assert.match(lines().at(-1) ?? '', /debug after$/);
    assert.ok(!lines().join().includes('before'));
  });

  for (const { shape, secret } of canaries) {
    it(`never shows ${shape}, at no level, in text or field, with a line break before it or not`, async () => {
      const written = logLevels.flatMap((level): readonly Written[] => [
        [level, `text ${secret}`],
        [level, `text\n${secret}`],
        [level, 'text', { field: secret }],
        [level, 'text', { field: `\n${secret}` }],
        [level, 'text', { field: JSON.stringify({ body: `\t${secret}` }) }],
        [level, JSON.stringify({ body: `\u001b${secret}` })],
      ]);
      const shown = await logged('debug', written);
      assert.equal(shown.length, written.length);
      for (const line of shown) {
        assert.ok(line.includes('[redacted]'), line);
        assert.ok(!/cAnArY|Vdheub7w/.test(line), line);
      }
    });
  }

  it('keeps a line one line, whatever control characters are in it', async () => {
    const [line, ...others] = await logged('info', [
      ['info', 'a\nb\r\u001b[31mc\u0000d\u0085e\u2028f\u2029g', { field: 'h\ni\u007fj\u202ek' }],
    ]);
    assert.deepEqual(others, []);
    assert.equal(line, String.raw`info a\x0ab\x0d\x1b[31mc\x00d\x85e\u2028f\u2029g field="h\ni\x7fj\u202ek"`);
  });

  it('is for nobody but its owner', async () => {
    const umask = process.umask(0);
    try {
      await logged('info', [['info', 'x']]);
    } finally {
      process.umask(umask);
    }
    assert.equal(statSync(path()).mode & 0o777, 0o700);
    assert.equal(statSync(file()).mode & 0o777, 0o600);
  });

  it('goes on at the end of the file that is there', async () => {
    await logged('info', [['info', 'one']]);
    assert.deepEqual(await logged('info', [['info', 'two']]), ['info one', 'info two']);
  });

  it('takes no more than 5 files of 1 MiB, all closed to others, and loses the oldest lines only', async () => {
    const log = winstonLog('info', path());
    const filling = 'x'.repeat(1_000);
    const count = 8_000;
    for (let i = 0; i < count; i++) {
      log.write('info', `${filling} ${i}`);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await log.close();
    const files = readdirSync(path());
    assert.ok(files.length > 1 && files.length <= 5, files.join());
    const found: number[] = [];
    for (const name of files) {
      const { size, mode } = statSync(join(path(), name));
      assert.ok(size <= 1024 * 1024 + 2_000, `${name}: ${size}`);
      assert.equal(mode & 0o777, 0o600);
      const numbers = readFileSync(join(path(), name), 'utf8').matchAll(/ (\d+)\n/g);
      for (const [, number] of numbers) found.push(Number(number));
    }
    const all = found.toSorted((a, b) => a - b);
    const first = all[0] ?? 0;
    assert.deepEqual(
      all,
      Array.from({ length: count - first }, (_, i) => first + i),
    );
  });

  const writeAndClose = `
    const { winstonLog } = await import(input.url);
    const log = winstonLog('info', input.folder);
    for (let i = 0; i < input.count; i++) log.write('info', 'line ' + i);
    await log.close();
    process.exit(0);
  `;

  it('has written everything once it is closed, though the process ends at once', async () => {
    const count = 5_000;
    const { code, stderr } = await runModule(writeAndClose, { url, folder: path(), count });
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(lines().length, count);
  });

  it('goes to the journal by stderr, with a priority and without a time', async () => {
    const { stderr } = await runModule(
      `const { winstonLog } = await import(input.url);
      const log = winstonLog('debug', null);
      for (const level of input.levels) log.write(level, 'at ' + level, { profile: 'work' });
      await log.close();`,
      { url, levels: logLevels },
    );
    assert.equal(
      stderr,
      '<3>at error profile="work"\n<4>at warn profile="work"\n<6>at info profile="work"\n<7>at debug profile="work"\n',
    );
  });

  it('takes what comes after its end for nothing', async () => {
    const log = winstonLog('info', path());
    log.write('info', 'before');
    const closed = log.close();
    log.write('info', 'while it ends');
    await closed;
    log.write('info', 'after');
    await log.close();
    await new Promise((resolve) => setImmediate(resolve));
    assert.match(lines()[0] ?? '', /info before$/);
  });

  /** Goes on for a while after the log could not be written. */
  const writeAndLive = `
    const { winstonLog } = await import(input.url);
    const log = winstonLog('info', input.folder);
    for (let i = 0; i < 3; i++) {
      log.write('info', 'line ' + i);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await log.close();
    console.log('alive');
  `;

  const hindrances: readonly (readonly [string, () => void])[] = [
    ['a file stands where its folder should be', () => writeFileSync(path(), '')],
    ['a folder stands where its file should be', () => mkdirSync(file(), { recursive: true })],
  ];
  for (const [what, hinder] of hindrances) {
    it(`ends nothing when ${what}: the lines go to stderr, and it says why`, async () => {
      hinder();
      const ended: Ended = await runModule(writeAndLive, {
        url,
        folder: path(),
      });
      assert.deepEqual([ended.code, ended.stdout], [0, 'alive\n'], ended.stderr);
      assert.match(ended.stderr, /the log cannot be written/);
      assert.match(ended.stderr, /line 2/);
    });
  }

  it('ends nothing when stderr is closed', async () => {
    const ended = await runModule(
      `const { spawn } = await import('node:child_process');
      const child = spawn(process.execPath, ['--input-type=module', '--eval', input.script, JSON.stringify(input)], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.stderr.destroy();
      child.stdout.pipe(process.stdout);
      child.on('close', (code) => (process.exitCode = code));`,
      {
        url,
        folder: null,
        script: `const input = JSON.parse(process.argv[1]);${writeAndLive}`,
      },
    );
    assert.deepEqual([ended.code, ended.stdout], [0, 'alive\n'], ended.stderr);
  });
});
