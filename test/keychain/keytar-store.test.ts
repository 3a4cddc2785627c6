import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { CredentialStore } from '../../src/keychain/credential-store.ts';
import { createKeytarStore } from '../../src/keychain/keytar-store.ts';
import { Secret } from '../../src/shared/secret.ts';
import { refusal } from '../support/refusal.ts';

const helperPath = fileURLToPath(new URL('../support/fake-keychain-helper.js', import.meta.url));

describe('keytar-store', () => {
  let store: CredentialStore;

  afterEach(() => store.close());

  /** A store with its helper running, whose clock then runs twenty times as fast: 250 ms for a call or its turn. */
  async function open(platform: NodeJS.Platform): Promise<void> {
    let speed = 1;
    const clock = { deadline: (delayMs: number) => AbortSignal.timeout(delayMs / speed) };
    store = createKeytarStore({ helperPath, clock, platform, environment: process.env });
    assert.deepEqual(await store.state(), { kind: 'open' });
    speed = 20;
  }

  const read = async (key: string, manner: 'unasked' | 'asked' = 'unasked'): Promise<string | undefined> =>
    (await store.read(key, manner))?.expose();

  it('has one call under way at a time', async () => {
    await open('linux');
    assert.deepEqual(await Promise.all(['overlap', 'overlap', 'overlap'].map((key) => read(key))), [
      '1',
      '1',
      '1',
    ]);
  });

  it('unlocks first for somebody who asked, with one prompt for all who ask at once', async () => {
    await open('linux');
    assert.equal(await read('unlocks'), '0');
    assert.deepEqual(await Promise.all([read('unlocks', 'asked'), read('unlocks', 'asked')]), ['1', '1']);
    assert.equal(await read('unlocks', 'asked'), '2');
  });

  it('opens one prompt for an unlock, and takes no passphrase', async () => {
    await open('linux');
    await store.unlock(null);
    assert.equal(await read('unlocks'), '1');
    assert.match(
      await refusal(store.unlock(new Secret('cAnArY'))),
      /^bad_request: the keychain takes no passphrase$/,
    );
  });

  it('ends its helper when it is locked, and all that is under way with it', async () => {
    await open('linux');
    const first = await read('pid');
    const call = refusal(read('stuck'));
    assert.deepEqual(await store.state(), { kind: 'open' });
    store.lock();
    assert.equal(await call, 'locked: the daemon was locked meanwhile');
    assert.notEqual(await read('pid'), first);
  });

  for (const platform of ['darwin', 'win32'] as const) {
    it(`leaves prompts to the system on ${platform}`, async () => {
      await open(platform);
      await store.unlock(null);
      assert.equal(await read('unlocks', 'asked'), '0');
    });
  }

  it('waits for its turn only so long, and does not end the call before for it', async () => {
    await open('darwin');
    let ended = false;
    const first = refusal(read('stuck', 'asked')).finally(() => (ended = true));
    assert.match(await refusal(read('pid')), /^keychain_unavailable: the keychain is busy/);
    assert.equal(ended, false);
    await store.close();
    assert.match(await first, /stopping/);
  });

  it('gives up a call that gets no answer', async () => {
    await open('linux');
    assert.match(await refusal(read('stuck')), /^keychain_unavailable: the keychain does not answer/);
  });

  it('answers for its state while a call is under way', async () => {
    await open('darwin');
    const first = refusal(read('stuck', 'asked'));
    assert.deepEqual(await store.state(), { kind: 'open' });
    await store.close();
    assert.match(await first, /stopping/);
  });

  it('says that it is closed when its helper does not answer', async () => {
    store = createKeytarStore({
      helperPath: '/nowhere/helper.js',
      clock: { deadline: (delayMs) => AbortSignal.timeout(delayMs) },
      platform: 'linux',
      environment: process.env,
    });
    const state = await store.state();
    assert.equal(state.kind === 'closed' && state.problem.code, 'keychain_unavailable');
    assert.match(await refusal(read('pid')), /^keychain_unavailable/);
  });
});
