import assert from 'node:assert/strict';
import { waitUntil } from '../../support/wait-until.ts';
import { useKeyringFixture } from './keyring-fixture.ts';

describe('A5: a default keyring that changed after the login', () => {
  const fixture = useKeyringFixture();
  let second: string;

  beforeEach(async () => (second = await fixture().keyring.changeDefault('Second')));

  it('A5: replaces the token where it is, in the keyring of the credential', async () => {
    const { testEnv, keyring, monitor, listAccounts, readStatus } = fixture();
    assert.equal((await testEnv.iamToken(['refresh'])).code, 0);
    const { stdout } = await testEnv.iamToken();
    await testEnv.stopDaemon();
    assert.equal((await listAccounts()).length, 2, 'no second item');
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken()).stdout, stdout, 'the new token was stored');
    await keyring.lock(second);
    assert.equal((await testEnv.iamToken(['refresh'])).code, 0);
    assert.equal((await readStatus()).daemon.store.state, 'open', 'no item is in the locked keyring');
    assert.equal((await testEnv.iamToken(['logout'])).code, 0);
    assert.deepEqual(await listAccounts(), []);
    assert.equal(monitor.prompts.length, 0);
  });

  it('A5: status, unlock and doctor name the locked keyring of the credential', async () => {
    const { testEnv, keyring, monitor, readStatus } = fixture();
    await keyring.lock();
    await testEnv.stopDaemon();
    await testEnv.startDaemon();
    const token = await testEnv.iamToken();
    assert.equal(token.code, 6);
    const locked = /the keyring "[^"]+", which holds the credential, is locked/;
    assert.match(token.stderr, locked);
    const { daemon, profiles } = await readStatus();
    assert.match(daemon.store.problem?.message ?? '', locked);
    assert.equal(profiles[0]?.state, 'keychain_locked');
    assert.match((await testEnv.iamToken(['doctor'])).stdout, locked);
    assert.equal(monitor.prompts.length, 0);

    // The prompt cannot be shown here.
    const unlock = await testEnv.iamToken(['unlock']);
    assert.equal(unlock.code, 6, unlock.stdout);
    assert.match(unlock.stderr, /its prompt was dismissed or could not be shown/);
    await waitUntil(() => monitor.prompts.length === 1, 'unlock opened the prompt');

    await keyring.unlock();
    assert.equal((await testEnv.iamToken(['unlock'])).code, 0);
    assert.equal((await testEnv.iamToken()).code, 0);

    // Also while the credential is in memory, and nothing has to be read.
    await keyring.lock();
    assert.equal((await testEnv.iamToken(['unlock'])).code, 6);
    await waitUntil(() => monitor.prompts.length === 2, 'unlock opened the prompt');
    await keyring.unlock();
    assert.equal((await readStatus()).daemon.store.state, 'open');
  });
});
