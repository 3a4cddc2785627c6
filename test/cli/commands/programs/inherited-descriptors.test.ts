import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { chmodSync, closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { findInheritedDescriptors } from '../../../../src/cli/commands/programs/inherited-descriptors.ts';
import { respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { createStatusResult, createTokenResult } from '../../../support/daemon/scripted-results.ts';
import { waitForExit } from '../../../support/processes/process-result.ts';
import { buildCleanEnv, clientBundle, type CliResult } from '../../../support/processes/run-cli.ts';
import { useTemporaryFolder } from '../../../support/temporary-folder.ts';

describe('a command that runs another program', () => {
  const folder = useTemporaryFolder();
  let daemon: ScriptedDaemon;
  let files: number[];

  beforeEach(async () => {
    files = [];
    daemon = await ScriptedDaemon.start(
      respondWith({ token: createTokenResult(12 * 60 * 60_000), ...createStatusResult({}) }),
    );
  });
  afterEach(async () => {
    for (const file of files) closeSync(file);
    await daemon.close();
  });

  /** A descriptor of a file with this text. */
  function openFile(text: string): number {
    const path = join(folder(), `file-${files.length}`);
    writeFileSync(path, text);
    const file = openSync(path, 'r');
    files.push(file);
    return file;
  }

  /** Runs `command` with the descriptors by number, next to its three streams. */
  function run(
    command: readonly string[],
    descriptors: Readonly<Record<number, number>> = {},
  ): Promise<CliResult> {
    const [program = '', ...args] = command;
    const count = Math.max(2, ...Object.keys(descriptors).map(Number)) + 1;
    const stdio = Array.from({ length: count }, (_, number) =>
      number < 3 ? ('pipe' as const) : (descriptors[number] ?? 'ignore'),
    );
    const env = { ...buildCleanEnv({ socket: daemon.socketPath }), CLI: clientBundle };
    const child = spawn(program, args, { env, stdio }) as ChildProcessByStdio<Writable, Readable, Readable>;
    return waitForExit(child);
  }
  const exec = (
    args: readonly string[],
    descriptors?: Readonly<Record<number, number>>,
  ): Promise<CliResult> => run([process.execPath, clientBundle, 'exec', '--', ...args], descriptors);

  const manyNumbers = Array.from({ length: 70 }, (_, index) => index + 3);
  for (const [description, numbers] of [
    ['the first descriptor', [3]],
    ['descriptors with gaps between them', [4, 9, 14, 25]],
    ['a descriptor above 64', [70]],
    ['many descriptors without a gap', manyNumbers],
  ] as const) {
    it(`A11: hands on ${description}, each with its number`, async () => {
      const descriptors = Object.fromEntries(numbers.map((number) => [number, openFile(`<${number}>`)]));
      const { stdout, stderr, code } = await exec(
        ['sh', '-c', 'for n; do cat /dev/fd/$n; done', 'sh', ...numbers.map(String)],
        descriptors,
      );
      assert.deepEqual([stdout, stderr, code], [numbers.map((number) => `<${number}>`).join(''), '', 0]);
    });
  }

  it('A11: hands on nothing of its own', async function () {
    if (process.platform !== 'linux') this.skip();
    const list = ['sh', '-c', 'ls /proc/$$/fd'];
    const descriptors = { 5: openFile('five') };
    assert.equal((await exec(list)).stdout, (await run(list)).stdout);
    assert.equal((await exec(list, descriptors)).stdout, (await run(list, descriptors)).stdout);
  });

  it('A11: hands on the pipe of the jobserver of make -j, of which a process has both ends', async function () {
    if (spawnSync('make', ['--version']).error !== undefined) this.skip();
    const makefile = join(folder(), 'Makefile');
    const node = JSON.stringify(process.execPath);
    writeFileSync(
      makefile,
      `outer:\n\t+@${node} "$$CLI" exec -- $(MAKE) --no-print-directory -f ${makefile} inner\n` +
        'inner: one two\none two:\n\t@echo $@\n',
    );
    const { stdout, stderr, code } = await run(['make', '-j4', '-f', makefile, 'outer']);
    assert.deepEqual([stdout.split('\n').toSorted(), stderr, code], [['', 'one', 'two'], '', 0]);
  });

  it('A11: hands on the pipes of process substitution', async function () {
    if (spawnSync('zsh', ['--version']).error !== undefined) this.skip();
    const script = `"${process.execPath}" "$CLI" exec -- cat <(echo one) =(echo two) <(echo three)`;
    const { stdout, stderr, code } = await run(['zsh', '-f', '-c', script]);
    assert.deepEqual([stdout, stderr, code], ['one\ntwo\nthree\n', '', 0]);
  });

  it('A11: hands descriptors on to the real yc', async () => {
    const realYc = join(folder(), 'yc');
    writeFileSync(realYc, '#!/bin/sh\ncat <&3\n');
    chmodSync(realYc, 0o755);
    const command = `PATH="${folder()}:$PATH" exec "${process.execPath}" "$CLI" yc compute instance list`;
    const { stdout, code } = await run(['sh', '-c', command], { 3: openFile('three') });
    assert.deepEqual([stdout, code], ['three', 0]);
  });

  it('A11: runs without the descriptors if the system refuses one', async () => {
    const module = new URL('../../../../src/cli/commands/programs/run-in-foreground.js', import.meta.url);
    const script = `import { runInForeground } from '${module.href}';
      process.exitCode = await runInForeground(['echo', 'ran'], process.env, [999]);`;
    const { stdout, stderr, code } = await run([process.execPath, '--input-type=module', '-e', script]);
    assert.deepEqual([stdout, stderr, code], ['ran\n', '', 0]);
  });

  it('A11: finds files on macOS, and nothing on Windows', () => {
    const file = openFile('text');
    assert.ok(findInheritedDescriptors('darwin').includes(file));
    assert.deepEqual(findInheritedDescriptors('win32'), []);
  });
});
