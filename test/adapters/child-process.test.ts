import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unsafeVariables } from '../../src/platform/unsafe-environment.ts';
import { createProgramRunner } from '../../src/adapters/child-process.ts';
import { isExecutable } from '../../src/platform/process-context.ts';
import type { ProgramResult, ProgramInvocation, ProgramRunner } from '../../src/shared/program-runner.ts';
import { findProcesses, readProcFile } from '../support/processes/process-table.ts';
import { moduleUrl, runModule } from '../support/processes/run-module.ts';
import { createRealClock } from '../support/time/real-clock.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

const neverAborted = new AbortController().signal;
const clock = createRealClock();

function createRunner(env: Readonly<Record<string, string>> = {}): ProgramRunner {
  const processContext = { platform: process.platform, env, home: () => '/nowhere' };
  return createProgramRunner(processContext, clock, isExecutable);
}

function shell(
  script: string,
  overrides: Partial<ProgramInvocation> = {},
  signal = neverAborted,
  runner = createRunner({ PATH: '/usr/bin:/bin' }),
): Promise<ProgramResult> {
  return runner.run({ path: '/bin/sh', args: ['-c', script], environment: {}, ...overrides }, signal);
}

describe('createProgramRunner', () => {
  const folder = useTemporaryFolder();

  it('returns the output, and the exit code or the signal', async () => {
    assert.deepEqual(await shell('echo out; echo err >&2; exit 3'), {
      outcome: 'exited',
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    assert.deepEqual(await shell('echo out; kill -TERM $$'), {
      outcome: 'killed',
      signal: 'SIGTERM',
      stdout: 'out\n',
      stderr: '',
    });
  });

  it('runs a program with an empty stdin, without a terminal, in a new session', async () => {
    const { stdout } = await shell(
      'cat; (exec 3</dev/tty) 2>/dev/null && echo terminal; cut -d" " -f5,6 /proc/$$/stat; echo $$',
    );
    const [group, session, pid] = stdout.trim().split(/\s+/);
    assert.deepEqual([group, session], [pid, pid]);
  });

  it('18.6: passes a text on stdin, whether the program reads it or not', async () => {
    const stdin = 'line\n'.repeat(50_000);
    assert.equal((await shell('wc -c', { stdin })).stdout.trim(), String(stdin.length));
    for (const script of ['exec 0<&-; echo closed', 'echo closed', 'head -c 1 >/dev/null; echo closed'])
      assert.deepEqual(await shell(script, { stdin }), {
        outcome: 'exited',
        code: 0,
        stdout: 'closed\n',
        stderr: '',
      });
  });

  it('18.6: kills what a program leaves running, if it is told to', async () => {
    const end = await shell('sleep 1000 & echo $!', { killsChildrenAtExit: true });
    assert.equal(end.outcome, 'exited');
    await waitUntil(() => readProcFile(Number(end.stdout), 'cmdline') === '', 'its child has ended');
  });

  it('18.6: passes on no variable and no descriptor of the service manager', async () => {
    const env = {
      PATH: '/usr/bin:/bin',
      CREDENTIALS_DIRECTORY: '/run/credentials',
      NOTIFY_SOCKET: '/run/notify',
      LISTEN_FDS: '1',
      LISTEN_PID: '1',
      LISTEN_FDNAMES: 'x',
    };
    const { stdout } = await shell('env; ls /proc/$$/fd', {}, neverAborted, createRunner(env));
    assert.doesNotMatch(stdout, /CREDENTIALS_DIRECTORY|NOTIFY_SOCKET|LISTEN_/);
    // Those that systemd passes begin at 3. Node closes them, and not higher ones that a test runner may have left open.
    const descriptors = stdout.split('\n').filter((line) => /^\d$/.test(line));
    assert.deepEqual(descriptors, ['0', '1', '2']);
  });

  it('A1: passes on no variable by which the environment could weaken TLS or load code', async () => {
    const unsafe = unsafeVariables.map(({ name }) => [name, name.startsWith('LD_') ? '/nowhere' : '1']);
    const env = { PATH: '/usr/bin:/bin', INHERITED: '1', ...Object.fromEntries(unsafe) };
    const { stdout } = await shell('env', {}, neverAborted, createRunner(env));
    const names = stdout.split('\n').map((line) => line.split('=')[0] ?? '');
    assert.ok(names.includes('INHERITED'));
    assert.deepEqual(
      unsafeVariables.filter(({ name }) => names.includes(name)),
      [],
    );
  });

  it('passes the environment without the variables of iam-tokend and yc, and applies overrides', async () => {
    const env = {
      PATH: '/usr/bin:/bin',
      INHERITED: '1',
      REMOVED: '1',
      YC_TOKEN: 'x',
      yc_x: 'x',
      IAM_TOKEN: 'x',
      IAM_TOKEND_STORE: 'x',
    };
    const { stdout } = await shell(
      'env',
      { environment: { REMOVED: undefined, YC_ADDED: '1' } },
      neverAborted,
      createRunner(env),
    );
    const lines = stdout.split('\n').filter((line) => /^(?:INHERITED|REMOVED|YC_|yc_|IAM_)/.test(line));
    assert.deepEqual(lines.toSorted(), ['INHERITED=1', 'YC_ADDED=1']);
  });

  it('kills a program and its children on abort, on a stop condition and on too much output', async () => {
    const runWithChild = async (
      script: string,
      overrides: Partial<ProgramInvocation>,
      signal: AbortSignal,
    ): Promise<unknown> => {
      const pidFile = join(folder(), 'pid');
      const { outcome } = await shell(`sleep 1000 & echo $! > '${pidFile}'; ${script}`, overrides, signal);
      const pid = Number(readFileSync(pidFile, 'utf8'));
      await waitUntil(() => readProcFile(pid, 'cmdline') === '', 'its child has ended');
      return outcome;
    };
    const controller = new AbortController();
    const stopWhen = ({ stdout }: { readonly stdout: string }): boolean => {
      if (stdout.includes('ready')) controller.abort();
      return stdout.includes('login');
    };
    assert.equal(await runWithChild('echo ready; wait', { stopWhen }, controller.signal), 'aborted');
    assert.equal(await runWithChild('echo login; wait', { stopWhen }, neverAborted), 'stopped');
    assert.equal(await runWithChild('yes', {}, neverAborted), 'output_too_large');
  });

  it('E3: ends a program and its children when this process is killed', async () => {
    const pidFile = join(folder(), 'pids');
    const script = `
      const { createProgramRunner } = await import(input.runner);
      const { createSystemClock } = await import(input.clock);
      const context = { platform: process.platform, env: process.env, home: () => '/nowhere' };
      const args = ['-c', 'sleep 1000 & echo $$ $! > "$0"; wait', input.pidFile];
      await createProgramRunner(context, createSystemClock(), () => true)
        .run({ path: '/bin/sh', args, environment: {} }, new AbortController().signal);`;
    const urls = { runner: moduleUrl('adapters/child-process'), clock: moduleUrl('adapters/system-clock') };
    const ended = runModule(
      `setInterval(() => fs.existsSync(input.pidFile) && fs.readFileSync(input.pidFile, 'utf8').endsWith('\\n') && process.kill(process.pid, 'SIGKILL'), 5);
      import fs from 'node:fs';${script}`,
      { ...urls, pidFile },
    );
    await ended;
    const pids = readFileSync(pidFile, 'utf8').trim().split(' ').map(Number);
    assert.equal(pids.length, 2);
    for (const pid of pids)
      await waitUntil(() => readProcFile(pid, 'cmdline') === '', `process ${pid} has ended`);
  });

  it('E3: does not end what a program that has exited left behind', async () => {
    const { stdout } = await shell('sleep 1000 >/dev/null 2>&1 & echo $!');
    const pid = Number(stdout);
    const watchers = (): number => findProcesses('kill -s KILL', process.pid).length;
    await waitUntil(() => watchers() === 0, 'the watcher has ended');
    assert.notEqual(readProcFile(pid, 'cmdline'), '');
    process.kill(pid);
  });

  it('does not start a program if the signal has already aborted', async () => {
    assert.equal((await shell('echo out', {}, AbortSignal.abort())).outcome, 'aborted');
  });

  it('resolves when the program exits, even if a child holds its pipes open', async () => {
    const end = await shell('sleep 1000 & echo $!');
    assert.deepEqual([end.outcome, end.stderr], ['exited', '']);
    process.kill(Number(end.stdout));
  });

  it('reports a program that is missing or not executable', async () => {
    const run = async (path: string): Promise<unknown> => {
      const end = await createRunner().run({ path, args: [], environment: {} }, neverAborted);
      return end.outcome === 'not_started' ? end.code : end;
    };
    const textFile = join(folder(), 'text');
    writeFileSync(textFile, 'text');
    mkdirSync(join(folder(), 'folder'));
    assert.equal(await run(join(folder(), 'nothing')), 'ENOENT');
    assert.equal(await run(textFile), 'EACCES');
    assert.equal(await run(join(folder(), 'folder')), 'EACCES');
    assert.equal(await run('/bin/\u0000sh'), 'ERR_INVALID_ARG_VALUE');
  });

  it('finds executable programs only', () => {
    const path = join(folder(), 'yc');
    const runner = createRunner({ PATH: `/nowhere:${folder()}` });
    assert.equal(runner.find('yc'), null);
    writeFileSync(path, '#!/bin/sh\n');
    assert.equal(runner.find('yc'), null);
    chmodSync(path, 0o755);
    assert.equal(runner.find('yc'), path);
    assert.equal(runner.find(path), path);
    assert.equal(runner.find(join(folder(), 'nothing')), null);
  });
});
