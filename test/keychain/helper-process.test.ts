import assert from 'node:assert/strict';
import { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HelperProcess } from '../../src/keychain/helper-process.ts';
import { processesWith } from '../support/processes.ts';
import { refusal } from '../support/refusal.ts';
import { until } from '../support/until.ts';

const helperPath = fileURLToPath(new URL('../support/fake-keychain-helper.js', import.meta.url));

describe('helper-process', () => {
  let helper: HelperProcess;

  beforeEach(() => {
    helper = new HelperProcess({ helperPath, environment: process.env });
  });

  afterEach(() => helper.close());

  const read = (key: string, withinMs = 10_000): Promise<string | null> =>
    helper.call({ op: 'read', key }, AbortSignal.timeout(withinMs));

  const running = (): readonly number[] => processesWith('fake-keychain-helper', process.pid);

  it('starts nothing before it is needed, then one helper for all calls', async () => {
    assert.deepEqual(running(), []);
    const pids = await Promise.all([read('pid'), read('pid'), read('pid')]);
    assert.equal(new Set(pids).size, 1);
    assert.deepEqual(running().map(String), [pids[0]]);
  });

  it('kills a helper that is late, and starts another at the next call', async () => {
    const first = await read('pid');
    assert.match(await refusal(read('stuck', 50)), /does not answer/);
    await until(() => !running().map(String).includes(String(first)), 'the late one is gone');
    assert.notEqual(await read('pid'), first);
  });

  it('kills a helper that stands still', async () => {
    const first = Number(await read('pid'));
    process.kill(first, 'SIGSTOP');
    assert.match(await refusal(read('pid', 50)), /does not answer/);
    await until(() => !running().includes(first), 'it is gone');
    assert.notEqual(await read('pid'), String(first));
  });

  it('goes on with another where the system does not let it kill one', async () => {
    const first = Number(await read('pid'));
    const kill = Object.getOwnPropertyDescriptor(ChildProcess.prototype, 'kill') ?? {};
    const refused = {
      ...kill,
      value(this: ChildProcess) {
        return this.emit('error', new Error('kill EPERM'));
      },
    };
    Object.defineProperty(ChildProcess.prototype, 'kill', refused);
    try {
      assert.match(await refusal(read('stuck', 50)), /does not answer/);
    } finally {
      Object.defineProperty(ChildProcess.prototype, 'kill', kill);
      process.kill(first, 'SIGKILL');
    }
    assert.notEqual(await read('pid'), String(first));
  });

  it('fails the other calls too when it has to kill the helper', async () => {
    const other = refusal(read('stuck'));
    assert.match(await refusal(read('stuck', 100)), /does not answer/);
    assert.match(await other, /was ended because another request got stuck/);
  });

  it('turns a crash into an error for all calls under way, and recovers', async () => {
    const other = refusal(read('stuck'));
    assert.match(await refusal(read('crash')), /ended \(exit code 3\)/);
    assert.match(await other, /ended \(exit code 3\)/);
    assert.match(String(await read('pid')), /^\d+$/);
  });

  it('turns a kill from outside into an error, and recovers', async () => {
    const first = Number(await read('pid'));
    const call = refusal(read('stuck'));
    process.kill(first, 'SIGKILL');
    assert.match(await call, /ended \(SIGKILL\)/);
    assert.notEqual(await read('pid'), String(first));
  });

  it('ends a helper that talks nonsense', async () => {
    assert.match(await refusal(read('nonsense')), /no proper answer/);
    assert.match(String(await read('pid')), /^\d+$/);
  });

  it('replaces a spent helper and asks the new one once more, not for ever', async () => {
    const first = await read('pid');
    const message = await refusal(read('spent'));
    assert.match(message, /spent by \d+$/);
    assert.ok(!message.endsWith(` ${first}`), 'the second one gave up');
  });

  it('says so when there is no such program', async () => {
    helper = new HelperProcess({ helperPath: '/nowhere/helper.js', environment: process.env });
    assert.match(await refusal(read('pid')), /ended \(exit code 1\)/);
  });

  it('hands on no flags of Node, and nothing of the environment that may hold a secret', async () => {
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
      },
    });
    const { environment, flags } = JSON.parse((await read('environment')) ?? '') as {
      environment: Record<string, string>;
      flags: string[];
    };
    // fork itself adds NODE_CHANNEL_…
    const names = Object.keys(environment).filter((name) => !name.startsWith('NODE_CHANNEL_'));
    assert.deepEqual(names.toSorted(), ['DBUS_SESSION_BUS_ADDRESS', 'HOME', 'PATH', 'XDG_RUNTIME_DIR']);
    assert.deepEqual(flags, []);
  });

  it('kills the helper at close, fails what is under way, and starts no other', async () => {
    await read('pid');
    const call = refusal(read('stuck'));
    await helper.close();
    assert.deepEqual(running(), []);
    assert.match(await call, /stopping/);
    assert.match(await refusal(read('pid')), /stopping/);
    assert.deepEqual(running(), []);
    await helper.close();
  });
});
