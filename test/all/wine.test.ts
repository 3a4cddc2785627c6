import assert from 'node:assert/strict';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { realClock } from '../support/real-clock.ts';
import type { Run } from '../support/running-house.ts';
import { keyFile, testKey } from '../support/test-keys.ts';
import { isWineHere, startWineHouse, type WineHouse } from '../support/wine.ts';

const oauthToken = 'y0_AgAAAABcanaryCANARYcanary0123456789abcd';

/** The real node.exe and the real binaries of our packages. The tests build on each other, as a day does. */
describe('iam-tokend with the Node of Windows, under Wine', function () {
  this.timeout(120_000);
  let emulator: Emulator;
  let house: WineHouse;
  let ended: Promise<Run>;
  const iamToken = (...args: readonly string[]): Promise<Run> => house.run('iam-token', args);
  const local = (...names: readonly string[]): string =>
    join(house.home, 'AppData/Local/iam-tokend', ...names);

  before(async function () {
    if (!isWineHere) this.skip();
    const key = testKey(4096);
    emulator = await startEmulator({
      clock: realClock(),
      oauthAccounts: [{ token: oauthToken }],
      keys: [key],
    });
    house = await startWineHouse({ IAM_TOKEND_IAM_ENDPOINT: emulator.url });
    writeFileSync(join(house.home, 'key.json'), keyFile(key));
  });
  after(async () => {
    await house?.stop();
    await emulator?.close();
  });

  const ok = (run: Run): string => {
    assert.deepEqual({ code: run.code, stderr: run.stderr }, { code: 0, stderr: '' });
    return run.stdout;
  };
  /** The bytes of each item in the Credential Manager. */
  const items = async (): Promise<readonly number[]> => {
    const found = await house.evaluate(`require('keytar').findCredentials('iam-tokend').then((all) =>
      console.log(JSON.stringify(all.map(({ password }) => Buffer.byteLength(password)))));`);
    return found as readonly number[];
  };

  it('is not there at first, and says how to have it', async () => {
    const { code, stderr } = await iamToken();
    assert.equal(code, 3);
    assert.match(
      stderr,
      /nothing listens at \\\\\.\\pipe\\iam-tokend-anna\niam-token: hint: iam-token install/,
    );
  });

  it('takes an OAuth token over the pipe, and gives out IAM tokens', async () => {
    ({ ended } = await house.startDaemon());
    assert.match(
      ok(await house.run('iam-token', ['login', '--oauth', '--stdin'], `${oauthToken}\n`)),
      /^logged in/,
    );
    assert.match(ok(await iamToken()), /^t1\.[\w.-]+\n$/);
    assert.match(ok(await iamToken('status')), /store +keychain, open/);
  });

  it('has credential and token in the Credential Manager, and gives the same token after a restart', async () => {
    const token = ok(await iamToken());
    assert.match(ok(await iamToken('stop')), /^the daemon has stopped/);
    assert.equal((await ended).code, 0);
    assert.equal((await items()).length, 2);
    const exchanges = emulator.calls().length;
    ({ ended } = await house.startDaemon());
    assert.equal(ok(await iamToken()), token);
    assert.equal(emulator.calls().length, exchanges);
  });

  it('splits a key that has no room in one item, and puts it together after a restart', async () => {
    const path = String.raw`C:\users\anna\key.json`;
    const { code, stderr } = await iamToken('login', '--profile', 'robot', '--service-account-key', path);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^iam-token: hint: del "C:\\users\\anna\\key\.json"$/m);
    const sizes = await items();
    assert.ok(Math.max(...sizes) <= 2_560, sizes.join());
    assert.ok(sizes.reduce((sum, size) => sum + size) > testKey(4096).privateKey.length);
    ok(await iamToken('stop'));
    await ended;
    ({ ended } = await house.startDaemon());
    assert.match(ok(await iamToken('refresh', '--profile', 'robot')), /./);
    assert.match(ok(await iamToken('--profile', 'robot')), /^t1\./);
  });

  it('is not asked by a client that cannot read the key of the pipe', async () => {
    renameSync(local('pipe.key'), local('away'));
    const { code, stdout, stderr } = await iamToken();
    renameSync(local('away'), local('pipe.key'));
    assert.deepEqual({ code, stdout }, { code: 3, stdout: '' });
    assert.match(
      stderr,
      /has not proved that it can read C:\\users\\anna\\AppData\\Local\\iam-tokend\\pipe\.key/,
    );
    assert.match(ok(await iamToken()), /^t1\./);
  });

  it('answers at the metadata address', async () => {
    ok(await iamToken('stop'));
    await ended;
    const config = join(house.home, 'AppData/Roaming/iam-tokend/config.yaml');
    writeFileSync(config, 'metadata: { listen: "127.0.0.1:0" }');
    ({ ended } = await house.startDaemon());
    const { daemon } = JSON.parse(ok(await iamToken('status', '--json'))) as {
      daemon: { metadataAddress: string };
    };
    const answer = await fetch(
      `http://${daemon.metadataAddress}/computeMetadata/v1/instance/service-accounts/default/token`,
      { headers: { 'Metadata-Flavor': 'Google' } },
    );
    assert.match(((await answer.json()) as { access_token: string }).access_token, /^t1\./);
  });

  it('is found in order by doctor', async () => {
    const { stdout } = await iamToken('doctor', '--json');
    const { checks } = JSON.parse(stdout) as {
      checks: readonly { check: string; mark: string; reason: string }[];
    };
    assert.deepEqual(
      checks.filter(({ mark }) => mark === 'failed'),
      [],
    );
  });

  it('says which logon task it would make, for paths with blanks and &', async () => {
    const said = ok(await iamToken('install', '--dry-run'));
    assert.match(said, /^# write C:\\users\\anna\\AppData\\Local\\iam-tokend\\logon-task\.xml\n<\?xml /);
    assert.match(said, /"Z:\\\S+\\node\.exe" "Z:\\\S+\\Program Files &amp; more\\.+\\iam-tokend\.js"</);
    assert.match(said, /^schtasks \/Create \/TN iam-tokend-anna \/XML C:\\users\\anna\\\S+\.xml \/F$/m);
  });

  it('leaves nothing behind once it is purged', async () => {
    const { code, stdout } = await iamToken('uninstall', '--purge');
    assert.deepEqual(
      { code, stdout },
      { code: 0, stdout: 'the daemon is gone, with all credentials and its configuration\n' },
    );
    assert.equal((await ended).code, 0);
    assert.deepEqual(await items(), []);
    for (const path of [local(), join(house.home, 'AppData/Roaming/iam-tokend')])
      assert.ok(!existsSync(path), path);
  });
});
