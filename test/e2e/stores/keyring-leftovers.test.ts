import assert from 'node:assert/strict';
import { useKeyringFixture } from './keyring-fixture.ts';

describe('a logout while the keyring is locked', () => {
  const fixture = useKeyringFixture();

  beforeEach(() => fixture().keyring.lock());

  it('A6: says what is still in the keychain, as status and doctor do, and unlock removes it', async () => {
    const { testEnv, keyring, monitor, waitForAccounts, readStatus } = fixture();
    const logout = await testEnv.iamToken(['logout']);
    const message = 'a removed credential is still in the keychain: the keyring is locked';
    assert.equal(logout.stdout, 'logged out of default\n');
    assert.ok(logout.stderr.includes(message), logout.stderr);
    assert.match(logout.stderr, /hint: or now: iam-token unlock$/m);
    assert.equal((await readStatus()).daemon.store.leftovers?.message, message);
    assert.match((await testEnv.iamToken(['status'])).stdout, /leftovers +a removed credential is still/);
    assert.match(
      (await testEnv.iamToken(['doctor'])).stdout,
      /warning +store +a removed credential is still/,
    );
    assert.equal(monitor.prompts.length, 0);

    await keyring.unlock();
    assert.equal((await testEnv.iamToken(['unlock'])).code, 0);
    await waitForAccounts(0, 'the items are removed');
    assert.doesNotMatch((await testEnv.iamToken(['status'])).stdout, /leftovers/);
  });

  it('A6: is completed without a command once the keyring is open', async () => {
    const { testEnv, keyring, monitor, waitForAccounts } = fixture();
    assert.equal((await testEnv.iamToken(['logout'])).code, 0);
    await keyring.unlock();
    await waitForAccounts(0, 'the items are removed');
    assert.equal(monitor.prompts.length, 0);
  });
});
