import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CredentialStore } from '../../../src/stores/credential-store.ts';
import { createKeytarStore } from '../../../src/stores/keychain/keytar-store.ts';
import { Secret } from '../../../src/shared/secret.ts';
import {
  getKeyringSkipReason,
  startPrivateKeyring,
  type KeyringCondition,
  type PrivateKeyring,
} from '../../support/stores/private-keyring.ts';
import { findProcesses, readProcFile } from '../../support/processes/process-table.ts';
import { monitorPrompts } from '../../support/stores/prompt-monitor.ts';
import { createRealClock } from '../../support/time/real-clock.ts';
import { captureProblem, formatProblem } from '../../support/problems.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { describeCredentialStore } from '../credential-store-contract.ts';

const helperPath = fileURLToPath(new URL('../../../bin/keychain-helper.js', import.meta.url));
const skipReason = getKeyringSkipReason();
const describeOrSkip = skipReason === null ? describe : describe.skip;

describeOrSkip(
  `keytar-store with a real gnome-keyring${skipReason === null ? '' : ` (skipped, ${skipReason})`}`,
  () => {
    let keyring: PrivateKeyring;
    let store: CredentialStore;

    afterEach(async () => {
      await store.close();
      await keyring.stop();
    });

    function storeWith(environment: NodeJS.ProcessEnv): CredentialStore {
      return createKeytarStore({ helperPath, clock: createRealClock(), platform: 'linux', environment });
    }

    async function open(condition: KeyringCondition): Promise<CredentialStore> {
      keyring = await startPrivateKeyring(condition);
      store = storeWith({ ...process.env, ...keyring.environment });
      return store;
    }

    const read = async (key: string): Promise<string | null> =>
      (await store.read(key, 'background'))?.expose() ?? null;
    const write = (key: string, value: string): Promise<void> =>
      store.write(key, new Secret(value), 'background');
    const helperPids = (): readonly number[] => findProcesses(helperPath, process.pid);

    async function failureOf(work: Promise<unknown>): Promise<string> {
      const problem = await captureProblem(work);
      assert.match(problem.hint ?? '', /./);
      return formatProblem(problem);
    }

    /** Every background operation on a store that does not open. */
    async function assertAllFail(expected: RegExp): Promise<void> {
      const state = await store.state();
      assert.match(state.kind === 'closed' ? formatProblem(state.problem) : state.kind, expected);
      assert.match(await failureOf(read('a')), expected);
      assert.match(await failureOf(write('a', 'new')), expected);
      assert.match(await failureOf(store.remove('a', 'background')), expected);
    }

    describe('as a credential store', () => {
      describeCredentialStore(() => open('unlocked'));

      // The contract closes the store and opens another, each with its own keyring.
      let first: PrivateKeyring;
      beforeEach(() => (first = keyring));
      afterEach(() => first.stop());
    });

    it('is locked while the keyring is, without a prompt, and works again once it is unlocked', async () => {
      await open('unlocked');
      await write('a', 'old');
      const watch = await monitorPrompts(keyring.environment);
      try {
        await keyring.lock();
        await assertAllFail(/^keychain_locked: the keyring is locked/);
        await keyring.unlock();
        assert.equal(await read('a'), 'old');

        // An interactive call opens the first prompt, which cannot be shown here.
        await keyring.lock();
        assert.match(await failureOf(store.read('a', 'interactive')), /^keychain_locked: .*dismissed/);
        await waitUntil(() => watch.prompts.length > 0, 'the prompt was opened');
        assert.equal(watch.prompts.length, 1);
      } finally {
        await watch.stop();
      }
    });

    it('is locked after a restart of the service until it is unlocked', async () => {
      await open('unlocked');
      await write('a', 'old');
      await keyring.stopService();
      await assertAllFail(/^keychain_unavailable: no keychain service/);
      await keyring.startService();
      await assertAllFail(/^keychain_locked: the keyring is locked/);
      await keyring.unlock();
      assert.equal(await read('a'), 'old'); // though libsecret has cached the old service
      await write('a', 'new');
      assert.equal(await read('a'), 'new');
    });

    it('reports a missing keyring on a new machine', async () => {
      await open('none');
      await assertAllFail(/^keychain_unavailable: no keyring has been created/);
      assert.match(
        await failureOf(store.write('a', new Secret('x'), 'interactive')),
        /^keychain_locked: .*could not be shown/,
      );
    });

    it('reports a missing service', async () => {
      await open('no service');
      await assertAllFail(/^keychain_unavailable: no keychain service/);
      assert.match(
        await failureOf(store.read('a', 'interactive')),
        /^keychain_unavailable: no keychain service/,
      );
    });

    it('reports a missing bus', async () => {
      await open('unlocked');
      await store.close();
      const { DBUS_SESSION_BUS_ADDRESS: _, ...environment } = keyring.environment;
      store = storeWith({ ...environment, PATH: process.env['PATH'], XDG_RUNTIME_DIR: environment['HOME'] });
      await assertAllFail(/^keychain_unavailable: no D-Bus session bus/);
    });

    it('fails within 10 s when the service is frozen, and blocks nothing else', async () => {
      await open('unlocked');
      await write('a', 'old');
      keyring.freeze();
      const problems: string[] = [];
      const calls = [1, 2, 3].map(async () => problems.push(await failureOf(read('a'))));
      let turns = 0;
      await waitUntil(async () => {
        await readdir('/proc/self/fd'); // needs a thread of the pool, which calls of keytar could occupy
        turns += 1;
        return problems.length === calls.length;
      }, 'all calls have failed');
      assert.ok(turns > 20);
      for (const problem of problems) assert.match(problem, /^keychain_unavailable: /);
      keyring.thaw();
      assert.equal(await read('a'), 'old');
    });

    it('kills a stopped helper, and starts another', async () => {
      await open('unlocked');
      await write('a', 'old');
      const [first = 0] = helperPids();
      process.kill(first, 'SIGSTOP');
      assert.match(await failureOf(read('a')), /^keychain_unavailable: the keychain does not respond/);
      assert.equal(await read('a'), 'old');
      assert.ok(!helperPids().includes(first));
    });

    it('recovers when its helper is killed during a call', async () => {
      await open('unlocked');
      await write('a', 'old');
      keyring.freeze();
      const call = failureOf(read('a'));
      for (const pid of helperPids()) process.kill(pid, 'SIGKILL');
      // The call is repeated once, with a helper that the frozen keychain does not answer.
      assert.match(await call, /^keychain_unavailable: the keychain service does not respond/);
      keyring.thaw();
      assert.equal(await read('a'), 'old');
    });

    it('has a helper that only SIGKILL ends, and that opens no inspector', async () => {
      await open('unlocked');
      await write('a', 'old');
      const [pid = 0] = helperPids();
      for (const signal of ['SIGUSR1', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
      assert.equal(await read('a'), 'old');
      assert.deepEqual(helperPids(), [pid]);
      const sockets = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      const tcp = readFileSync('/proc/self/net/tcp', 'utf8') + readFileSync('/proc/self/net/tcp6', 'utf8');
      const inodes = new Set(tcp.split('\n').map((line) => `socket:[${line.trim().split(/\s+/)[9]}]`));
      assert.deepEqual(
        sockets.filter((socket) => inodes.has(socket)),
        [],
      );
    });

    it('shows no secret in the arguments or the environment of its helper', async () => {
      await open('unlocked');
      await store.close();
      const secrets = { IAM_TOKEN: 'canary-1', YC_TOKEN: 'canary-2', IAM_TOKEND_SOCKET: 'canary-3' };
      store = storeWith({
        ...process.env,
        ...keyring.environment,
        ...secrets,
        NODE_OPTIONS: '--require=/canary-4',
      });
      await write('a', 'canary-5');
      assert.equal(await read('a'), 'canary-5');
      const [pid = 0] = helperPids();
      const seen = readProcFile(pid, 'cmdline') + readProcFile(pid, 'environ');
      assert.match(seen, /keychain-helper\.js/);
      assert.match(seen, /DBUS_SESSION_BUS_ADDRESS/);
      assert.doesNotMatch(seen, /canary/);
    });

    it('leaves no helper behind when the daemon is killed, even if the service is frozen', async () => {
      await open('unlocked');
      const module = new URL('../../../src/stores/keychain/keytar-store.js', import.meta.url);
      const program = `
      import { once } from 'node:events';
      import { createKeytarStore } from '${module.href}';
      const clock = { timeoutSignal: (delayMs) => AbortSignal.timeout(delayMs) };
      const options = { helperPath: '${helperPath}', clock, platform: 'linux', environment: process.env };
      const store = createKeytarStore(options);
      console.log(JSON.stringify(await store.state()));
      await once(process.stdin, 'data');
      store.read('a', 'background');
      setImmediate(() => console.log('running'));`;
      const daemon = spawn(process.execPath, ['--input-type=module', '--eval', program], {
        env: { ...process.env, ...keyring.environment },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      assert.ok(daemon.pid !== undefined);
      const said = createInterface(daemon.stdout);
      assert.deepEqual(await once(said, 'line'), ['{"kind":"open"}']);
      const [helper = 0] = findProcesses(helperPath, daemon.pid);
      assert.ok(helper > 0);
      keyring.freeze();
      daemon.stdin.write('go on\n');
      assert.deepEqual(await once(said, 'line'), ['running']);
      daemon.kill('SIGKILL');
      await waitUntil(() => !findProcesses(helperPath).includes(helper), 'the helper has exited', 2_000);
    });

    it('stops its helper at close', async () => {
      await open('unlocked');
      await write('a', 'old');
      assert.equal(helperPids().length, 1);
      await store.close();
      assert.deepEqual(helperPids(), []);
      assert.match(formatProblem(await captureProblem(read('a'))), /^keychain_unavailable: .*stopping/);
    });
  },
);

describe('keychain sources', () => {
  it('do not use the search functions of keytar', () => {
    const folder = new URL('../../../../src/stores/keychain/', import.meta.url);
    for (const file of readdirSync(folder)) {
      assert.doesNotMatch(readFileSync(new URL(file, folder), 'utf8'), /findCredentials|findPassword/, file);
    }
  });
});
