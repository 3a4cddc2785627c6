import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';

describe('iam-tokend --purge', () => {
  let house: RunningHouse;
  const configFolder = (): string => join(house.folder, 'config', 'iam-tokend');

  beforeEach(async () => {
    house = await startHouse();
    await house.startDaemon();
    assert.equal((await house.iamToken(['login', '--stdin'], oauthToken)).code, 0);
  });
  afterEach(() => house.stop());

  it('forgets the credentials and removes its folders', async () => {
    await house.stopDaemon();
    assert.deepEqual(await house.iamTokend(['--purge']), { stdout: '', stderr: '', code: 0 });
    for (const folder of [configFolder(), join(house.folder, 'state', 'iam-tokend')])
      assert.ok(!existsSync(folder), folder);
  });

  it('keeps the list of what it could not forget, for another try', async () => {
    await house.stopDaemon();
    const bus = house.environment['DBUS_SESSION_BUS_ADDRESS'];
    Object.assign(house.environment, { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere' });
    const { code, stderr } = await house.iamTokend(['--purge']);
    assert.equal(code, 1);
    assert.match(stderr, /^iam-tokend: error: .*(keychain|D-Bus)/);
    Object.assign(house.environment, { DBUS_SESSION_BUS_ADDRESS: bus });
    await house.startDaemon();
    assert.match((await house.iamToken()).stdout, /^t1\./);
  });

  it('touches nothing while a daemon runs, and no folder that is named', async () => {
    assert.match((await house.iamTokend(['--purge'])).stderr, /another iam-tokend is at work/);
    const named = await house.iamTokend(['--purge', '--config', join(configFolder(), 'config.yaml')]);
    assert.equal(named.code, 2);
    assert.match((await house.iamToken()).stdout, /^t1\./);
  });
});
