import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { CredentialStore } from '../../../src/stores/credential-store.ts';
import { createKeytarStore } from '../../../src/stores/keychain/keytar-store.ts';
import { Secret } from '../../../src/shared/secret.ts';
import { captureProblemText } from '../../support/problems.ts';

const helperPath = fileURLToPath(new URL('../../support/stores/fake-keychain-helper.js', import.meta.url));

describe('keytar-store', () => {
  let store: CredentialStore;

  afterEach(() => store.close());

  /** A store with a running helper and a clock at 20 times the speed: 250 ms for a call. */
  async function open(platform: NodeJS.Platform): Promise<void> {
    let speed = 1;
    const clock = { timeoutSignal: (delayMs: number) => AbortSignal.timeout(delayMs / speed) };
    store = createKeytarStore({ helperPath, clock, platform, environment: process.env });
    assert.deepEqual(await store.state(), { kind: 'open' });
    speed = 20;
  }

  const read = async (
    key: string,
    interaction: 'background' | 'interactive' = 'background',
  ): Promise<string | undefined> => (await store.read(key, interaction))?.expose();

  it('runs one call at a time', async () => {
    await open('linux');
    assert.deepEqual(await Promise.all(['overlap', 'overlap', 'overlap'].map((key) => read(key))), [
      '1',
      '1',
      '1',
    ]);
  });

  it('unlocks before an interactive call, with one prompt for concurrent calls', async () => {
    await open('linux');
    assert.equal(await read('unlocks'), '0');
    assert.deepEqual(await Promise.all([read('unlocks', 'interactive'), read('unlocks', 'interactive')]), [
      '1',
      '1',
    ]);
    assert.equal(await read('unlocks', 'interactive'), '2');
  });

  it('opens one prompt for an unlock, and rejects a passphrase', async () => {
    await open('linux');
    await store.unlock(null);
    assert.equal(await read('unlocks'), '1');
    assert.match(
      await captureProblemText(store.unlock(new Secret('cAnArY'))),
      /^bad_request: the keychain takes no passphrase$/,
    );
  });

  it('stops its helper and running calls when it is locked', async () => {
    await open('linux');
    const first = await read('pid');
    const call = captureProblemText(read('stuck'));
    assert.deepEqual(await store.state(), { kind: 'open' });
    store.lock();
    assert.equal(await call, 'locked: the daemon was locked during the call');
    assert.notEqual(await read('pid'), first);
  });

  for (const platform of ['darwin', 'win32'] as const) {
    it(`leaves prompts to the system on ${platform}`, async () => {
      await open(platform);
      await store.unlock(null);
      assert.equal(await read('unlocks', 'interactive'), '0');
    });
  }

  it('times out while another call runs, and does not stop that call', async () => {
    await open('darwin');
    let isSettled = false;
    const first = captureProblemText(read('stuck', 'interactive')).finally(() => (isSettled = true));
    assert.match(await captureProblemText(read('pid')), /^keychain_unavailable: the keychain is busy/);
    assert.equal(isSettled, false);
    await store.close();
    assert.match(await first, /stopping/);
  });

  it('times out when the helper does not respond', async () => {
    await open('linux');
    assert.match(
      await captureProblemText(read('stuck')),
      /^keychain_unavailable: the keychain does not respond/,
    );
  });

  it('returns its state while a call is running', async () => {
    await open('darwin');
    const first = captureProblemText(read('stuck', 'interactive'));
    assert.deepEqual(await store.state(), { kind: 'open' });
    await store.close();
    assert.match(await first, /stopping/);
  });

  it('is closed when its helper does not start', async () => {
    store = createKeytarStore({
      helperPath: '/nowhere/helper.js',
      clock: { timeoutSignal: (delayMs) => AbortSignal.timeout(delayMs) },
      platform: 'linux',
      environment: process.env,
    });
    const state = await store.state();
    assert.equal(state.kind === 'closed' && state.problem.code, 'keychain_unavailable');
    assert.match(await captureProblemText(read('pid')), /^keychain_unavailable/);
  });
});
