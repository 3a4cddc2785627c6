import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { redact } from '../../../src/adapters/redact.ts';
import { Hooks, type HooksParts } from '../../../src/daemon/hooks/hooks.ts';
import { hookTimeoutMs } from '../../../src/daemon/hooks/run-hook.ts';
import type { ProgramInvocation, ProgramResult, ProgramRunner } from '../../../src/shared/program-runner.ts';
import { createFakeLog, type FakeLog } from '../../support/fake-log.ts';
import { createTestClock, type TestClock } from '../../support/time/test-clock.ts';

interface Run {
  readonly invocation: ProgramInvocation;
  /** As the program ends. */
  end(result?: Partial<ProgramResult>): Promise<void>;
}

const exited = { outcome: 'exited', code: 0, stdout: '', stderr: '' } as const;
const [work, home] = [{}, {}];

describe('18.6: hooks', () => {
  let clock: TestClock;
  let log: FakeLog;
  let commands: ReturnType<HooksParts['getCommands']>;
  let runs: Run[];
  let programs: ProgramRunner;
  let hooks: Hooks;

  beforeEach(() => {
    clock = createTestClock();
    log = createFakeLog();
    commands = {
      rotated: ['notify', '-u', 'low'],
      failing: null,
      login_required: ['/bin/tell'],
      locked: null,
    };
    runs = [];
    programs = {
      requireResponsive: async () => undefined,
      find: (name) => (name === 'missing' ? null : name.replace(/^(?!\/)/, '/usr/bin/')),
      findAccessViolation: async (path) => (path === '/tmp/shared' ? '/tmp/shared is writable' : null),
      run: (invocation, signal) =>
        new Promise((resolve) => {
          const end = (result: Partial<ProgramResult> = {}): Promise<void> => {
            resolve({ ...exited, ...result } as ProgramResult);
            return turn();
          };
          signal.addEventListener('abort', () => void end({ outcome: 'aborted' }));
          runs.push({ invocation, end });
        }),
    };
    hooks = new Hooks({ clock, log, programs, redact, getCommands: () => commands });
  });

  const rotated = (profile: string, source: object = work): Promise<void> => {
    hooks.notify('rotated', source, { profile, expiresAt: '2026-11-24T22:00:00.000Z' });
    return turn();
  };
  const inputs = (): readonly unknown[] =>
    runs.map(({ invocation: { stdin = '' } }) => {
      assert.match(stdin, /^[^\n]+\n$/);
      return JSON.parse(stdin);
    });

  it('run their program with its arguments, and the event as one line of JSON on stdin', async () => {
    await rotated('work');
    const problem = { code: 'login_required', message: 'line\nbreak', hint: 'iam-token login' } as const;
    hooks.notify('login_required', work, { profile: 'work', problem });
    await turn();
    assert.deepEqual(
      runs.map(({ invocation: { path, args, killsChildrenAtExit } }) => [path, args, killsChildrenAtExit]),
      [
        ['/usr/bin/notify', ['-u', 'low'], true],
        ['/bin/tell', [], true],
      ],
    );
    assert.deepEqual(inputs(), [
      { event: 'rotated', profile: 'work', expiresAt: '2026-11-24T22:00:00.000Z' },
      { event: 'login_required', profile: 'work', problem },
    ]);
  });

  it('run nothing for an event without a program', async () => {
    hooks.notify('failing', work, { profile: 'work' });
    hooks.notify('locked', work, { profile: 'work' });
    await turn();
    assert.equal(runs.length, 0);
  });

  it('run one at a time for each event, and only the last event of a profile that waits', async () => {
    for (const [profile, source] of [
      ['a', {}],
      ['b', work],
      ['c', home],
      ['b2', work],
      ['b3', work],
    ] as const)
      await rotated(profile, source);
    hooks.notify('login_required', work, { profile: 'work' });
    await turn();
    assert.equal(runs.length, 2, 'another event does not wait');
    for (const index of [0, 2]) await runs[index]?.end();
    await runs[3]?.end();
    assert.deepEqual(
      inputs().map((input) => (input as { readonly profile: string }).profile),
      ['a', 'work', 'b3', 'c'],
    );
  });

  it('run once while a renewal keeps failing, and again after it has succeeded', async () => {
    const requireLogin = async (): Promise<void> => {
      hooks.notify('login_required', work, { profile: 'work' });
      await turn();
      await runs.at(-1)?.end();
    };
    await requireLogin();
    await requireLogin();
    assert.equal(runs.length, 1);
    await rotated('work');
    await runs.at(-1)?.end();
    await requireLogin();
    assert.equal(runs.length, 3);
    commands = { ...commands, locked: ['/bin/tell'] };
    for (let count = 0; count < 2; count += 1) {
      hooks.notify('locked', work, { profile: 'work' });
      await turn();
      await runs.at(-1)?.end();
    }
    assert.equal(runs.length, 5, 'each lock is an event of its own');
  });

  it('have their output in the log, up to a limit', async () => {
    await rotated('work');
    const stdout = `sent\n\n${'x'.repeat(600)}\n${'more\n'.repeat(100)}`;
    await runs[0]?.end({ stdout, stderr: 'slow\r\n' });
    assert.equal(log.lines.length, 51);
    assert.equal(log.lines[0], 'info output of the hook for rotated: sent');
    assert.equal(log.lines[1], `info output of the hook for rotated: ${'x'.repeat(500)}`);
    assert.equal(log.lines[50], 'info output of the hook for rotated: … 53 more lines');
  });

  it('have no secret of their output in the log, also one of several lines', async () => {
    await rotated('work');
    const stdout = '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----\nsent';
    await runs[0]?.end({ stdout, stderr: 't1.9euelZqM.tail' });
    const start = 'info output of the hook for rotated:';
    assert.deepEqual(log.lines, [`${start} [redacted]`, `${start} sent`, `${start} [redacted]`]);
  });

  const failures: readonly (readonly [Partial<ProgramResult>, string])[] = [
    [{ outcome: 'exited', code: 3 }, 'exit code 3'],
    [{ outcome: 'killed', signal: 'SIGSEGV' }, 'killed by SIGSEGV'],
    [{ outcome: 'not_started', code: 'ENOENT' }, 'it cannot be started (ENOENT)'],
    [{ outcome: 'output_too_large' }, 'killed, because its output exceeds 64 KiB'],
  ];
  for (const [result, failure] of failures)
    it(`are named once in the log when they fail: ${failure}`, async () => {
      const warning = `the hook for rotated failed: notify: ${failure}`;
      for (let count = 0; count < 2; count += 1) {
        await rotated('work');
        await runs.at(-1)?.end(result);
      }
      assert.deepEqual(log.lines, [`warn ${warning}`, `debug ${warning}`]);
      assert.ok(!hooks.isWorking('rotated'));
      await rotated('work');
      await runs.at(-1)?.end();
      assert.ok(hooks.isWorking('rotated'));
      await rotated('work');
      await runs.at(-1)?.end(result);
      assert.equal(log.lines[2], `warn ${warning}`);
    });

  it('are killed after 30 s, and the next event is not lost', async () => {
    await rotated('work');
    await rotated('home', home);
    clock.advance(hookTimeoutMs - 1);
    await turn();
    assert.equal(runs.length, 1);
    clock.advance(1);
    await turn();
    await turn();
    assert.deepEqual(log.lines, ['warn the hook for rotated failed: notify: killed after 30 s']);
    assert.equal(runs.length, 2);
  });

  it('are named at the start, or after a change, if they cannot be started', async () => {
    commands = { ...commands, rotated: ['missing'], failing: ['/tmp/shared'], locked: ['/bin/true'] };
    await hooks.check();
    await hooks.check();
    assert.deepEqual(
      log.lines.filter((line) => line.startsWith('warn')),
      [
        'warn the hook for rotated failed: missing: there is no such program',
        'warn the hook for failing failed: /tmp/shared: another user can replace it: /tmp/shared is writable',
      ],
    );
    hooks.notify('failing', work, { profile: 'work' });
    await rotated('work');
    assert.equal(runs.length, 0, 'they are not run');
    commands = { ...commands, rotated: ['notify'] };
    await rotated('work');
    assert.equal(runs.length, 1);
    assert.deepEqual(
      [hooks.isWorking('rotated'), hooks.isWorking('failing'), hooks.isWorking('login_required')],
      [true, false, true],
    );
  });

  it('end when the daemon stops, and no other starts', async () => {
    await rotated('work');
    await rotated('home', home);
    hooks.stop();
    await turn();
    await rotated('work');
    assert.equal(runs.length, 1);
    assert.deepEqual(log.lines, []);
  });
});
