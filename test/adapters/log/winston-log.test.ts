import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createWinstonLog } from '../../../src/adapters/winston-log.ts';
import { type LogFields, type LogLevel, logLevels } from '../../../src/shared/log.ts';
import { canaries } from '../../support/canaries.ts';
import type { ProcessResult } from '../../support/processes/process-result.ts';
import { moduleUrl, runModule } from '../../support/processes/run-module.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

type LogCall = readonly [level: LogLevel, message: string, fields?: LogFields];

const url = moduleUrl('adapters/winston-log');

describe('createWinstonLog', () => {
  const folder = useTemporaryFolder();
  const path = (): string => join(folder(), 'log');
  const file = (): string => join(path(), 'iam-tokend.log');
  const lines = (): readonly string[] => readFileSync(file(), 'utf8').split('\n').slice(0, -1);

  /** The lines of the file after these calls, without the time. */
  async function writeAndRead(level: LogLevel, calls: readonly LogCall[]): Promise<readonly string[]> {
    const log = createWinstonLog(level, path());
    for (const each of calls) log.write(...each);
    await log.close();
    return lines().map((line) => line.replace(/^\S+ /, ''));
  }

  it('writes a line for each message: time, level, text and fields', async () => {
    const log = createWinstonLog('info', path());
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

  it('writes the messages from before and after winston is loaded, in their order', async () => {
    const log = createWinstonLog('info', path());
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

  it('omits messages below its level, and applies a new level at once', async () => {
    const all = logLevels.map((level): LogCall => [level, `at ${level}`]);
    assert.deepEqual(await writeAndRead('warn', all), ['error at error', 'warn at warn']);
    const log = createWinstonLog('error', path());
    log.write('debug', 'before');
    log.setLevel('debug');
    log.write('debug', 'after');
    await log.close();
    assert.match(lines().at(-1) ?? '', /debug after$/);
    assert.ok(!lines().join().includes('before'));
  });

  for (const { shape, secret } of canaries) {
    it(`redacts ${shape} at every level, in text and fields, after a line break too`, async () => {
      const calls = logLevels.flatMap((level): readonly LogCall[] => [
        [level, `text ${secret}`],
        [level, `text\n${secret}`],
        [level, 'text', { field: secret }],
        [level, 'text', { field: `\n${secret}` }],
        [level, 'text', { field: JSON.stringify({ body: `\t${secret}` }) }],
        [level, JSON.stringify({ body: `\u001b${secret}` })],
      ]);
      const logLines = await writeAndRead('debug', calls);
      assert.equal(logLines.length, calls.length);
      for (const line of logLines) {
        assert.ok(line.includes('[redacted]'), line);
        assert.ok(!/cAnArY|Vdheub7w/.test(line), line);
      }
    });
  }

  it('escapes control characters, so that each message is one line', async () => {
    const [line, ...others] = await writeAndRead('info', [
      ['info', 'a\nb\r\u001b[31mc\u0000d\u0085e\u2028f\u2029g', { field: 'h\ni\u007fj\u202ek' }],
    ]);
    assert.deepEqual(others, []);
    assert.equal(line, String.raw`info a\x0ab\x0d\x1b[31mc\x00d\x85e\u2028f\u2029g field="h\ni\x7fj\u202ek"`);
  });

  it('creates its folder and its file for the owner only', async () => {
    const umask = process.umask(0);
    try {
      await writeAndRead('info', [['info', 'x']]);
    } finally {
      process.umask(umask);
    }
    assert.equal(statSync(path()).mode & 0o777, 0o700);
    assert.equal(statSync(file()).mode & 0o777, 0o600);
  });

  it('appends to an existing file', async () => {
    await writeAndRead('info', [['info', 'one']]);
    assert.deepEqual(await writeAndRead('info', [['info', 'two']]), ['info one', 'info two']);
  });

  it('keeps at most 5 files of 1 MiB for the owner only, and drops the oldest lines only', async () => {
    const log = createWinstonLog('info', path());
    const filling = 'x'.repeat(1_000);
    const count = 8_000;
    for (let i = 0; i < count; i++) {
      log.write('info', `${filling} ${i}`);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await log.close();
    const files = readdirSync(path());
    assert.ok(files.length > 1 && files.length <= 5, files.join());
    const foundNumbers: number[] = [];
    for (const name of files) {
      const { size, mode } = statSync(join(path(), name));
      assert.ok(size <= 1024 * 1024 + 2_000, `${name}: ${size}`);
      assert.equal(mode & 0o777, 0o600);
      const numbers = readFileSync(join(path(), name), 'utf8').matchAll(/ (\d+)\n/g);
      for (const [, number] of numbers) foundNumbers.push(Number(number));
    }
    const all = foundNumbers.toSorted((a, b) => a - b);
    const first = all[0] ?? 0;
    assert.deepEqual(
      all,
      Array.from({ length: count - first }, (_, i) => first + i),
    );
  });

  const writeAndClose = `
    const { createWinstonLog } = await import(input.url);
    const log = createWinstonLog('info', input.folder);
    for (let i = 0; i < input.count; i++) log.write('info', 'line ' + i);
    await log.close();
    process.exit(0);
  `;

  it('has written everything when close resolves, even if the process exits at once', async () => {
    const count = 5_000;
    const { code, stderr } = await runModule(writeAndClose, { url, folder: path(), count });
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(lines().length, count);
  });

  it('writes to stderr for the journal, with a priority and without a time', async () => {
    const { stderr } = await runModule(
      `const { createWinstonLog } = await import(input.url);
      const log = createWinstonLog('debug', null);
      for (const level of input.levels) log.write(level, 'at ' + level, { profile: 'work' });
      await log.close();`,
      { url, levels: logLevels },
    );
    assert.equal(
      stderr,
      '<3>at error profile="work"\n<4>at warn profile="work"\n<6>at info profile="work"\n<7>at debug profile="work"\n',
    );
  });

  it('accepts messages during and after close', async () => {
    const log = createWinstonLog('info', path());
    log.write('info', 'before');
    const closed = log.close();
    log.write('info', 'while it ends');
    await closed;
    log.write('info', 'after');
    await log.close();
    await new Promise((resolve) => setImmediate(resolve));
    assert.match(lines()[0] ?? '', /info before$/);
  });

  /** Keeps running for a while after the log cannot be written. */
  const writeAndLive = `
    const { createWinstonLog } = await import(input.url);
    const log = createWinstonLog('info', input.folder);
    for (let i = 0; i < 3; i++) {
      log.write('info', 'line ' + i);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await log.close();
    console.log('alive');
  `;

  const obstacles: readonly (readonly [string, () => void])[] = [
    ['its folder is a file', () => writeFileSync(path(), '')],
    ['its file is a folder', () => mkdirSync(file(), { recursive: true })],
  ];
  for (const [what, obstruct] of obstacles) {
    it(`writes to stderr if ${what}, with the reason`, async () => {
      obstruct();
      const result: ProcessResult = await runModule(writeAndLive, {
        url,
        folder: path(),
      });
      assert.deepEqual([result.code, result.stdout], [0, 'alive\n'], result.stderr);
      assert.match(result.stderr, /cannot write the log/);
      assert.match(result.stderr, /line 2/);
    });
  }

  it('E13: creates a log file again that was deleted', async () => {
    const log = createWinstonLog('info', path());
    log.write('info', 'before');
    await waitUntil(() => existsSync(file()), 'the file is written');
    rmSync(file());
    log.write('info', 'after');
    await log.close();
    assert.match(readFileSync(file(), 'utf8'), /info after\n$/);
  });

  it('E13: names the file and the reason if its disk is full', async () => {
    mkdirSync(path());
    symlinkSync('/dev/full', file());
    const { code, stderr } = await runModule(writeAndLive, { url, folder: path() });
    assert.equal(code, 0);
    assert.equal(stderr.split('\n')[0], `iam-tokend: cannot write the log ${file()}: no space left`);
    assert.match(stderr, /line 0\n[^]*line 2\n/);
  });

  it('keeps the process running if stderr is closed', async () => {
    const result = await runModule(
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
    assert.deepEqual([result.code, result.stdout], [0, 'alive\n'], result.stderr);
  });
});
