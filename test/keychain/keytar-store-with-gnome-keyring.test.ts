import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CredentialStore } from '../../src/keychain/credential-store.ts';
import { createKeytarStore } from '../../src/keychain/keytar-store.ts';
import { Secret } from '../../src/shared/secret.ts';
import {
  noPrivateKeyring,
  startPrivateKeyring,
  type KeyringCondition,
  type PrivateKeyring,
} from '../support/private-keyring.ts';
import { processesWith, procFile } from '../support/processes.ts';
import { watchPrompts } from '../support/prompt-watch.ts';
import { realClock } from '../support/real-clock.ts';
import { problemOfRefusal, sentence } from '../support/refusal.ts';
import { until } from '../support/until.ts';
import { itIsACredentialStore } from './store-contract.ts';

const helperPath = fileURLToPath(new URL('../../bin/keychain-helper.js', import.meta.url));
const missing = noPrivateKeyring();
const described = missing === null ? describe : describe.skip;

described(`keytar-store with a real gnome-keyring${missing === null ? '' : ` (skipped, ${missing})`}`, () => {
  let keyring: PrivateKeyring;
  let store: CredentialStore;

  afterEach(async () => {
    await store.close();
    await keyring.stop();
  });

  function storeWith(environment: NodeJS.ProcessEnv): CredentialStore {
    return createKeytarStore({ helperPath, clock: realClock(), platform: 'linux', environment });
  }

  async function open(condition: KeyringCondition): Promise<CredentialStore> {
    keyring = await startPrivateKeyring(condition);
    store = storeWith({ ...process.env, ...keyring.environment });
    return store;
  }

  const read = async (key: string): Promise<string | null> =>
    (await store.read(key, 'unasked'))?.expose() ?? null;
  const write = (key: string, value: string): Promise<void> => store.write(key, new Secret(value), 'unasked');
  const helpers = (): readonly number[] => processesWith(helperPath, process.pid);

  async function refusal(work: Promise<unknown>): Promise<string> {
    const problem = await problemOfRefusal(work);
    assert.match(problem.hint ?? '', /./);
    return sentence(problem);
  }

  /** Every operation, unasked, on a store that does not open. */
  async function assertAllRefuse(expected: RegExp): Promise<void> {
    const state = await store.state();
    assert.match(state.kind === 'closed' ? sentence(state.problem) : state.kind, expected);
    assert.match(await refusal(read('a')), expected);
    assert.match(await refusal(write('a', 'new')), expected);
    assert.match(await refusal(store.remove('a', 'unasked')), expected);
  }

  describe('as any store', () => {
    itIsACredentialStore(() => open('unlocked'));

    // The contract closes the store and opens another one; each has a keyring of its own.
    let first: PrivateKeyring;
    beforeEach(() => (first = keyring));
    afterEach(() => first.stop());
  });

  it('says locked while the keyring is, without a prompt, and works again once it is unlocked', async () => {
    await open('unlocked');
    await write('a', 'old');
    const watch = await watchPrompts(keyring.environment);
    try {
      await keyring.lock();
      await assertAllRefuse(/^keychain_locked: the keyring is locked/);
      await keyring.unlock();
      assert.equal(await read('a'), 'old');

      // The one who asked gets a prompt, which nobody can show here: the first that was seen.
      await keyring.lock();
      assert.match(await refusal(store.read('a', 'asked')), /^keychain_locked: .*dismissed/);
      await until(() => watch.prompts.length > 0, 'the prompt was seen');
      assert.equal(watch.prompts.length, 1);
    } finally {
      await watch.stop();
    }
  });

  it('says locked after a start of the service that nobody has unlocked', async () => {
    await open('unlocked');
    await write('a', 'old');
    await keyring.stopService();
    await assertAllRefuse(/^keychain_unavailable: no keychain service/);
    await keyring.startService();
    await assertAllRefuse(/^keychain_locked: the keyring is locked/);
    await keyring.unlock();
    assert.equal(await read('a'), 'old'); // though libsecret knows only the service before
    await write('a', 'new');
    assert.equal(await read('a'), 'new');
  });

  it('says that there is no keyring on a fresh machine', async () => {
    await open('none');
    await assertAllRefuse(/^keychain_unavailable: no keyring has been created/);
    assert.match(await refusal(store.write('a', new Secret('x'), 'asked')), /^keychain_locked: .*no screen/);
  });

  it('says that there is no service', async () => {
    await open('no service');
    await assertAllRefuse(/^keychain_unavailable: no keychain service/);
    assert.match(await refusal(store.read('a', 'asked')), /^keychain_unavailable: no keychain service/);
  });

  it('says that there is no bus', async () => {
    await open('unlocked');
    await store.close();
    const { DBUS_SESSION_BUS_ADDRESS: _, ...environment } = keyring.environment;
    store = storeWith({ ...environment, PATH: process.env['PATH'], XDG_RUNTIME_DIR: environment['HOME'] });
    await assertAllRefuse(/^keychain_unavailable: no D-Bus session bus/);
  });

  it('answers within 10 s though the service is frozen, and stops nothing else meanwhile', async () => {
    await open('unlocked');
    await write('a', 'old');
    keyring.freeze();
    const problems: string[] = [];
    const calls = [1, 2, 3].map(async () => problems.push(await refusal(read('a'))));
    let turns = 0;
    await until(async () => {
      await readdir('/proc/self/fd'); // takes a thread of the pool, which keytar's calls would hold
      turns += 1;
      return problems.length === calls.length;
    }, 'all calls are answered');
    assert.ok(turns > 20);
    for (const problem of problems) assert.match(problem, /^keychain_unavailable: /);
    keyring.thaw();
    assert.equal(await read('a'), 'old');
  });

  it('kills a helper that stands still, and starts another', async () => {
    await open('unlocked');
    await write('a', 'old');
    const [first = 0] = helpers();
    process.kill(first, 'SIGSTOP');
    assert.match(await refusal(read('a')), /^keychain_unavailable: the keychain does not answer/);
    assert.equal(await read('a'), 'old');
    assert.ok(!helpers().includes(first));
  });

  it('recovers from a helper that is killed in the middle of a call', async () => {
    await open('unlocked');
    await write('a', 'old');
    keyring.freeze();
    const call = refusal(read('a'));
    for (const pid of helpers()) process.kill(pid, 'SIGKILL');
    assert.match(await call, /^keychain_unavailable: the keychain helper/);
    keyring.thaw();
    assert.equal(await read('a'), 'old');
  });

  it('has a helper that no signal but SIGKILL ends, and that opens no inspector', async () => {
    await open('unlocked');
    await write('a', 'old');
    const [pid = 0] = helpers();
    for (const signal of ['SIGUSR1', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
    assert.equal(await read('a'), 'old');
    assert.deepEqual(helpers(), [pid]);
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
    const [pid = 0] = helpers();
    const seen = procFile(pid, 'cmdline') + procFile(pid, 'environ');
    assert.match(seen, /keychain-helper\.js/);
    assert.match(seen, /DBUS_SESSION_BUS_ADDRESS/);
    assert.doesNotMatch(seen, /canary/);
  });

  it('leaves no helper behind when the daemon is killed, not even one that waits for a frozen service', async () => {
    await open('unlocked');
    const module = new URL('../../src/keychain/keytar-store.js', import.meta.url);
    const program = `
      import { once } from 'node:events';
      import { createKeytarStore } from '${module.href}';
      const clock = { deadline: (delayMs) => AbortSignal.timeout(delayMs) };
      const options = { helperPath: '${helperPath}', clock, platform: 'linux', environment: process.env };
      const store = createKeytarStore(options);
      console.log(JSON.stringify(await store.state()));
      await once(process.stdin, 'data');
      store.read('a', 'unasked');
      setImmediate(() => console.log('under way'));`;
    const daemon = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      env: { ...process.env, ...keyring.environment },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    assert.ok(daemon.pid !== undefined);
    const said = createInterface(daemon.stdout);
    assert.deepEqual(await once(said, 'line'), ['{"kind":"open"}']);
    const [helper = 0] = processesWith(helperPath, daemon.pid);
    assert.ok(helper > 0);
    keyring.freeze();
    daemon.stdin.write('go on\n');
    assert.deepEqual(await once(said, 'line'), ['under way']);
    daemon.kill('SIGKILL');
    await until(() => !processesWith(helperPath).includes(helper), 'the helper is gone', 2_000);
  });

  it('ends its helper at close', async () => {
    await open('unlocked');
    await write('a', 'old');
    assert.equal(helpers().length, 1);
    await store.close();
    assert.deepEqual(helpers(), []);
    assert.match(sentence(await problemOfRefusal(read('a'))), /^keychain_unavailable: .*stopping/);
  });
});

describe('keychain sources', () => {
  it('never name the search functions of keytar, outside of the reason why', () => {
    const folder = new URL('../../../src/keychain/', import.meta.url);
    for (const file of readdirSync(folder)) {
      assert.doesNotMatch(readFileSync(new URL(file, folder), 'utf8'), /findCredentials|findPassword/, file);
    }
  });
});
