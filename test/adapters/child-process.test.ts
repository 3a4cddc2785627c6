import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { childProcesses } from '../../src/adapters/child-process.ts';
import { isExecutable } from '../../src/platform/surroundings.ts';
import type { ProgramEnd, ProgramRun, Programs } from '../../src/shared/programs.ts';
import { procFile } from '../support/processes.ts';
import { realClock } from '../support/real-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const never = new AbortController().signal;
const clock = realClock();

function programs(env: Readonly<Record<string, string>> = {}): Programs {
  const surroundings = { platform: process.platform, env, home: () => '/nowhere' };
  return childProcesses(surroundings, clock, isExecutable);
}

function shell(
  script: string,
  more: Partial<ProgramRun> = {},
  signal = never,
  of = programs({ PATH: '/usr/bin:/bin' }),
): Promise<ProgramEnd> {
  return of.run({ path: '/bin/sh', args: ['-c', script], environment: {}, ...more }, signal);
}

describe('a program of somebody else', () => {
  const folder = temporaryFolder();

  it('tells what it said and how it ended', async () => {
    assert.deepEqual(await shell('echo out; echo err >&2; exit 3'), {
      how: 'exited',
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    assert.deepEqual(await shell('echo out; kill -TERM $$'), {
      how: 'killed',
      signal: 'SIGTERM',
      stdout: 'out\n',
      stderr: '',
    });
  });

  it('has an empty stdin, no terminal, and a session of its own', async () => {
    const { stdout } = await shell(
      'cat; (exec 3</dev/tty) 2>/dev/null && echo terminal; cut -d" " -f5,6 /proc/$$/stat; echo $$',
    );
    const [group, session, pid] = stdout.trim().split(/\s+/);
    assert.deepEqual([group, session], [pid, pid]);
  });

  it('has our environment, without what is for us or for yc, and with what is said', async () => {
    const env = {
      PATH: '/usr/bin:/bin',
      KEPT: '1',
      TAKEN: '1',
      YC_TOKEN: 'x',
      yc_x: 'x',
      IAM_TOKEN: 'x',
      IAM_TOKEND_STORE: 'x',
    };
    const { stdout } = await shell(
      'env',
      { environment: { TAKEN: undefined, YC_OURS: '1' } },
      never,
      programs(env),
    );
    const lines = stdout.split('\n').filter((line) => /^(?:KEPT|TAKEN|YC_|yc_|IAM_)/.test(line));
    assert.deepEqual(lines.toSorted(), ['KEPT=1', 'YC_OURS=1']);
  });

  it('is ended with all that it started: given up, stopped for a word, or for too many', async () => {
    const ends = async (script: string, more: Partial<ProgramRun>, signal: AbortSignal): Promise<unknown> => {
      const pidFile = join(folder(), 'pid');
      const { how } = await shell(`sleep 1000 & echo $! > '${pidFile}'; ${script}`, more, signal);
      const pid = Number(readFileSync(pidFile, 'utf8'));
      await until(() => procFile(pid, 'cmdline') === '', 'what it started has ended');
      return how;
    };
    const controller = new AbortController();
    const stopWhen = ({ stdout }: { readonly stdout: string }): boolean => {
      if (stdout.includes('ready')) controller.abort();
      return stdout.includes('login');
    };
    assert.equal(await ends('echo ready; wait', { stopWhen }, controller.signal), 'given_up');
    assert.equal(await ends('echo login; wait', { stopWhen }, never), 'stopped');
    assert.equal(await ends('yes', {}, never), 'too_much');
  });

  it('does not start when it is given up before', async () => {
    assert.equal((await shell('echo out', {}, AbortSignal.abort())).how, 'given_up');
  });

  it('is not waited for once it has ended, whoever holds its pipes', async () => {
    const end = await shell('sleep 1000 & echo $!');
    assert.deepEqual([end.how, end.stderr], ['exited', '']);
    process.kill(Number(end.stdout));
  });

  it('may not be there, or be no program', async () => {
    const run = async (path: string): Promise<unknown> => {
      const end = await programs().run({ path, args: [], environment: {} }, never);
      return end.how === 'not_started' ? end.code : end;
    };
    const words = join(folder(), 'words');
    writeFileSync(words, 'words');
    mkdirSync(join(folder(), 'folder'));
    assert.equal(await run(join(folder(), 'nothing')), 'ENOENT');
    assert.equal(await run(words), 'EACCES');
    assert.equal(await run(join(folder(), 'folder')), 'EACCES');
    assert.equal(await run('/bin/\u0000sh'), 'ERR_INVALID_ARG_VALUE');
  });

  it('is found where it can be run, and nowhere else', () => {
    const path = join(folder(), 'yc');
    const found = programs({ PATH: `/nowhere:${folder()}` });
    assert.equal(found.find('yc'), null);
    writeFileSync(path, '#!/bin/sh\n');
    assert.equal(found.find('yc'), null);
    chmodSync(path, 0o755);
    assert.equal(found.find('yc'), path);
  });
});
