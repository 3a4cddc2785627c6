import assert from 'node:assert/strict';
import { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { closedInspectorOption } from '../../../src/platform/inspector-option.ts';
import { unsafeVariables } from '../../../src/platform/unsafe-environment.ts';
import { HelperProcess } from '../../../src/stores/keychain/helper-process.ts';
import { findProcesses } from '../../support/processes/process-table.ts';
import { captureProblemText } from '../../support/problems.ts';
import { waitUntil } from '../../support/wait-until.ts';

const helperPath = fileURLToPath(new URL('../../support/stores/fake-keychain-helper.js', import.meta.url));

describe('helper-process', () => {
  let helper: HelperProcess;

  beforeEach(() => {
    helper = new HelperProcess({ helperPath, environment: process.env });
  });

  afterEach(() => helper.close());

  const read = (key: string, timeoutMs = 10_000): Promise<string | null> =>
    helper.call({ op: 'read', key }, AbortSignal.timeout(timeoutMs));

  const helperPids = (): readonly number[] => findProcesses('fake-keychain-helper', process.pid);

  it('starts one helper at the first call, for all calls', async () => {
    assert.deepEqual(helperPids(), []);
    const pids = await Promise.all([read('pid'), read('pid'), read('pid')]);
    assert.equal(new Set(pids).size, 1);
    assert.deepEqual(helperPids().map(String), [pids[0]]);
  });

  it('kills a helper when a call times out, and starts another at the next call', async () => {
    const first = await read('pid');
    assert.match(await captureProblemText(read('stuck', 50)), /does not respond/);
    await waitUntil(() => !helperPids().map(String).includes(String(first)), 'the first helper has exited');
    assert.notEqual(await read('pid'), first);
  });

  it('kills a stopped helper', async () => {
    const first = Number(await read('pid'));
    process.kill(first, 'SIGSTOP');
    assert.match(await captureProblemText(read('pid', 50)), /does not respond/);
    await waitUntil(() => !helperPids().includes(first), 'the helper has exited');
    assert.notEqual(await read('pid'), String(first));
  });

  it('starts another helper when it cannot kill the first', async () => {
    const first = Number(await read('pid'));
    const kill = Object.getOwnPropertyDescriptor(ChildProcess.prototype, 'kill') ?? {};
    const failingKill = {
      ...kill,
      value(this: ChildProcess) {
        return this.emit('error', new Error('kill EPERM'));
      },
    };
    Object.defineProperty(ChildProcess.prototype, 'kill', failingKill);
    try {
      assert.match(await captureProblemText(read('stuck', 50)), /does not respond/);
    } finally {
      Object.defineProperty(ChildProcess.prototype, 'kill', kill);
      process.kill(first, 'SIGKILL');
    }
    assert.notEqual(await read('pid'), String(first));
  });

  it('fails all running calls when it kills the helper', async () => {
    const other = captureProblemText(read('stuck'));
    assert.match(await captureProblemText(read('stuck', 100)), /does not respond/);
    assert.match(await other, /was stopped because another call timed out/);
  });

  it('fails all running calls when the helper crashes, and recovers', async () => {
    const other = captureProblemText(read('stuck'));
    assert.match(await captureProblemText(read('crash')), /exited \(exit code 3\)/);
    assert.match(await other, /exited \(exit code 3\)/);
    assert.match(String(await read('pid')), /^\d+$/);
  });

  it('E13: repeats a running call once when the helper is killed', async () => {
    const first = Number(await read('pid'));
    process.kill(first, 'SIGSTOP');
    const call = read('pid');
    process.kill(first, 'SIGKILL');
    assert.match(String(await call), /^\d+$/);
    assert.notEqual(await call, String(first));
  });

  it('fails a running call when the helper is killed twice, and recovers', async () => {
    const first = Number(await read('pid'));
    const call = captureProblemText(read('stuck'));
    process.kill(first, 'SIGKILL');
    const isReplaced = (): boolean => helperPids().some((pid) => pid !== first);
    await waitUntil(isReplaced, 'another helper has been started');
    for (const pid of helperPids()) if (pid !== first) process.kill(pid, 'SIGKILL');
    assert.match(await call, /exited \(SIGKILL\)/);
    assert.match(String(await read('pid')), /^\d+$/);
  });

  it('does not repeat an unlock, whose prompts would open twice', async () => {
    const first = Number(await read('pid'));
    process.kill(first, 'SIGSTOP');
    const items = { keys: [], accessKeys: [], purpose: 'read' } as const;
    const call = captureProblemText(helper.call({ op: 'unlock', ...items }, AbortSignal.timeout(10_000)));
    process.kill(first, 'SIGKILL');
    assert.match(await call, /exited \(SIGKILL\)/);
  });

  it('kills a helper that sends an invalid response', async () => {
    assert.match(await captureProblemText(read('nonsense')), /sent an invalid response/);
    assert.match(String(await read('pid')), /^\d+$/);
  });

  it('repeats a call once with a new helper when the helper cannot recover', async () => {
    const first = await read('pid');
    const message = await captureProblemText(read('restart'));
    assert.match(message, /failed in \d+$/);
    assert.ok(!message.endsWith(` ${first}`), 'the problem is from the second helper');
  });

  it('reports a missing program', async () => {
    helper = new HelperProcess({ helperPath: '/nowhere/helper.js', environment: process.env });
    assert.match(await captureProblemText(read('pid')), /exited \(exit code 1\)/);
  });

  it('D6: passes on no flags of Node but the one that keeps the inspector closed, and no variables that may hold a secret', async () => {
    helper = new HelperProcess({
      helperPath,
      environment: {
        PATH: '/bin',
        DBUS_SESSION_BUS_ADDRESS: 'unix:path=/x',
        XDG_RUNTIME_DIR: '/run/x',
        HOME: '/home/x',
        NODE_OPTIONS: '--inspect',
        NODE_PATH: '/x',
        IAM_TOKEN: 't1.x',
        IAM_TOKEND_STORE: 'keychain',
        YC_TOKEN: 'y0_x',
        YC_IAM_TOKEN: 't1.x',
        yc_token: 'y0_x',
        ...Object.fromEntries(unsafeVariables.map(({ name }) => [name, '/nowhere'])),
      },
    });
    const { environment, flags } = JSON.parse((await read('environment')) ?? '') as {
      environment: Record<string, string>;
      flags: string[];
    };
    // `fork` adds NODE_CHANNEL_ variables.
    const names = Object.keys(environment).filter((name) => !name.startsWith('NODE_CHANNEL_'));
    assert.deepEqual(names.toSorted(), ['DBUS_SESSION_BUS_ADDRESS', 'HOME', 'PATH', 'XDG_RUNTIME_DIR']);
    assert.deepEqual(flags, [closedInspectorOption]);
  });

  it('kills the helper at close, fails running calls, and starts no other', async () => {
    await read('pid');
    const call = captureProblemText(read('stuck'));
    await helper.close();
    assert.deepEqual(helperPids(), []);
    assert.match(await call, /stopping/);
    assert.match(await captureProblemText(read('pid')), /stopping/);
    assert.deepEqual(helperPids(), []);
    await helper.close();
  });
});
