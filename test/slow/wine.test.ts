import assert from 'node:assert/strict';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '../emulator/emulator.ts';
import { createRealClock } from '../support/time/real-clock.ts';
import type { CommandResult } from '../support/test-environment.ts';
import { formatKeyFile, getTestKey } from '../support/iam/test-keys.ts';
import { waitUntil } from '../support/wait-until.ts';
import { isWineAvailable, startWineEnvironment, type WineEnvironment } from '../support/systems/wine.ts';

const oauthToken = 'y0_AgAAAABcanaryCANARYcanary0123456789abcd';

/** Uses the real node.exe and the real binaries of the packages. Each test depends on the previous ones. */
describe('iam-tokend under Wine', () => {
  let emulator: Emulator;
  let wineEnv: WineEnvironment;
  let daemonExit: Promise<CommandResult>;
  const iamToken = (...args: readonly string[]): Promise<CommandResult> => wineEnv.run('iam-token', args);
  const localAppDataPath = (...names: readonly string[]): string =>
    join(wineEnv.homeFolder, 'AppData/Local/iam-tokend', ...names);

  before(async function () {
    if (!isWineAvailable) this.skip();
    const key = getTestKey(4096);
    emulator = await startEmulator({
      clock: createRealClock(),
      oauthAccounts: [{ token: oauthToken }],
      keys: [key],
    });
    wineEnv = await startWineEnvironment({ IAM_TOKEND_IAM_ENDPOINT: emulator.url });
    writeFileSync(join(wineEnv.homeFolder, 'key.json'), formatKeyFile(key));
  });
  after(async () => {
    await wineEnv?.stop();
    await emulator?.close();
  });

  const expectSuccess = (run: CommandResult): string => {
    assert.deepEqual({ code: run.code, stderr: run.stderr }, { code: 0, stderr: '' });
    return run.stdout;
  };
  /** The bytes of each item in the Credential Manager. */
  const listItemSizes = async (): Promise<readonly number[]> => {
    const itemSizes = await wineEnv.evaluate(`require('keytar').findCredentials('iam-tokend').then((all) =>
      console.log(JSON.stringify(all.map(({ password }) => Buffer.byteLength(password)))));`);
    return itemSizes as readonly number[];
  };

  it('is not running at first, and the client hints at install', async () => {
    const { code, stderr } = await iamToken();
    assert.equal(code, 3, stderr);
    assert.match(
      stderr,
      /iam-tokend is not running \(no socket at \\\\\.\\pipe\\iam-tokend-anna\)\niam-token: hint: iam-token install/,
    );
  });

  it('B7: reads the files that config.yaml and --config name by paths of Windows', async () => {
    const invalidCertificate = ['-----BEGIN CERTIFICATE-----', 'AAAA', '-----END CERTIFICATE-----', ''];
    writeFileSync(join(wineEnv.homeFolder, 'ca.pem'), invalidCertificate.join('\n'));
    for (const [path, configPath] of [
      ['C:/users/anna/ca.pem', 'C:/users/anna/config.yaml'],
      [String.raw`C:\users\anna\ca.pem`, String.raw`C:\users\anna\config.yaml`],
      [String.raw`\\?\C:\users\anna\ca.pem`, 'c:/users/ANNA/config.yaml'],
    ] as const) {
      writeFileSync(join(wineEnv.homeFolder, 'config.yaml'), `network: { caFile: '${path}' }\n`);
      const { code, stderr } = await wineEnv.run('iam-tokend', ['--config', configPath]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /:1: network\.caFile: ".*" line 1: not a valid certificate \(/);
    }
  });

  it('accepts an OAuth token over the pipe, and serves IAM tokens', async () => {
    ({ ended: daemonExit } = await wineEnv.startDaemon());
    assert.match(
      expectSuccess(await wineEnv.run('iam-token', ['login', '--oauth', '--stdin'], `${oauthToken}\n`)),
      /^logged in/,
    );
    assert.match(expectSuccess(await iamToken()), /^t1\.[\w.-]+\n$/);
    assert.match(expectSuccess(await iamToken('status')), /store +keychain, open/);
  });

  /** Without the JavaScript client. On a busy machine, the native client may not get its answer within 300 ms. */
  async function runNativeAlone(args: readonly string[]): Promise<CommandResult> {
    let result = await wineEnv.runNative(args, false);
    await waitUntil(async () => {
      if (result.code !== 0) result = await wineEnv.runNative(args, false);
      return result.code === 0;
    }, 'the native client answers');
    return result;
  }

  it('gives the native client what it gives the JavaScript client, over an authenticated pipe', async () => {
    for (const args of [
      [],
      ['--format=json'],
      ['create-token', '--format', 'yaml'],
      ['kubernetes-credential'],
    ])
      assert.deepEqual(await runNativeAlone(args), await iamToken(...args), args.join(' '));
    assert.match(expectSuccess(await runNativeAlone(['prompt'])), /^default \d+h\d+m\n$/);
    for (const args of [
      ['--profile', 'nope'],
      ['--format', 'xml'],
      ['--profile=a b"c', 'status', '*'],
    ])
      assert.deepEqual(await wineEnv.runNative(args, true), await iamToken(...args), args.join(' '));
    assert.match((await wineEnv.runNative(['status'], false)).stderr, /cannot run the JavaScript client/);
  });

  it('stores credential and token in the Credential Manager, and serves the same token after a restart', async () => {
    const token = expectSuccess(await iamToken());
    assert.match(expectSuccess(await iamToken('stop')), /^iam-tokend has stopped/);
    assert.equal((await daemonExit).code, 0);
    assert.equal((await listItemSizes()).length, 2);
    const callsBefore = emulator.listRequests().length;
    ({ ended: daemonExit } = await wineEnv.startDaemon());
    assert.equal(expectSuccess(await iamToken()), token);
    assert.equal(emulator.listRequests().length, callsBefore);
  });

  it('splits a key that exceeds the size of an item, and joins it after a restart', async () => {
    const path = String.raw`C:\users\anna\key.json`;
    const { code, stderr } = await iamToken('login', '--profile', 'robot', '--service-account-key', path);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^iam-token: hint: del "C:\\users\\anna\\key\.json"$/m);
    const sizes = await listItemSizes();
    assert.ok(Math.max(...sizes) <= 2_560, sizes.join());
    assert.ok(sizes.reduce((sum, size) => sum + size) > getTestKey(4096).privateKey.length);
    expectSuccess(await iamToken('stop'));
    await daemonExit;
    ({ ended: daemonExit } = await wineEnv.startDaemon());
    assert.match(expectSuccess(await iamToken('refresh', '--profile', 'robot')), /./);
    assert.match(expectSuccess(await iamToken('--profile', 'robot')), /^t1\./);
  });

  it('gets no request from a client that cannot read the key of the pipe', async () => {
    renameSync(localAppDataPath('pipe.key'), localAppDataPath('moved.key'));
    const { code, stdout, stderr } = await iamToken();
    renameSync(localAppDataPath('moved.key'), localAppDataPath('pipe.key'));
    assert.deepEqual({ code, stdout }, { code: 3, stdout: '' });
    assert.match(
      stderr,
      /could not prove that it can read C:\\users\\anna\\AppData\\Local\\iam-tokend\\pipe\.key/,
    );
    assert.match(expectSuccess(await iamToken()), /^t1\./);
  });

  it('gives the native client nothing either without that key', async () => {
    renameSync(localAppDataPath('pipe.key'), localAppDataPath('moved.key'));
    const { code, stdout, stderr } = await wineEnv.runNative([], true);
    renameSync(localAppDataPath('moved.key'), localAppDataPath('pipe.key'));
    assert.deepEqual({ code, stdout }, { code: 3, stdout: '' });
    assert.match(stderr, /could not prove that it can read/);
  });

  it('serves the metadata address', async () => {
    expectSuccess(await iamToken('stop'));
    await daemonExit;
    const config = join(wineEnv.homeFolder, 'AppData/Roaming/iam-tokend/config.yaml');
    writeFileSync(config, 'metadata: { listen: "127.0.0.1:0" }');
    ({ ended: daemonExit } = await wineEnv.startDaemon());
    const { daemon } = JSON.parse(expectSuccess(await iamToken('status', '--json'))) as {
      daemon: { metadataAddress: string };
    };
    const response = await fetch(
      `http://${daemon.metadataAddress}/computeMetadata/v1/instance/service-accounts/default/token`,
      { headers: { 'Metadata-Flavor': 'Google' } },
    );
    assert.match(((await response.json()) as { access_token: string }).access_token, /^t1\./);
  });

  it('passes every check of doctor', async () => {
    const { stdout, stderr } = await iamToken('doctor', '--json');
    assert.notEqual(stdout, '', stderr);
    const { checks } = JSON.parse(stdout) as {
      checks: readonly { check: string; mark: string; reason: string }[];
    };
    assert.deepEqual(
      checks.filter(({ mark }) => mark === 'failed'),
      [],
    );
  });

  it('prints the logon task in a dry run, for paths with spaces and &', async () => {
    const output = expectSuccess(await iamToken('install', '--dry-run'));
    assert.match(output, /^# write C:\\users\\anna\\AppData\\Local\\iam-tokend\\logon-task\.xml\n<\?xml /);
    assert.match(
      output,
      /"Z:\\\S+\\node\.exe" "--inspect-port=192\.0\.2\.1:9229" "Z:\\\S+\\Program Files &amp; more\\.+\\iam-tokend\.js"</,
    );
    assert.match(output, /^schtasks \/Create \/TN iam-tokend-anna \/XML C:\\users\\anna\\\S+\.xml \/F$/m);
  });

  it('leaves nothing after a purge', async () => {
    const { code, stdout } = await iamToken('uninstall', '--purge');
    assert.deepEqual(
      { code, stdout },
      { code: 0, stdout: 'service removed; credentials and configuration deleted\n' },
    );
    assert.equal((await daemonExit).code, 0);
    assert.deepEqual(await listItemSizes(), []);
    for (const path of [localAppDataPath(), join(wineEnv.homeFolder, 'AppData/Roaming/iam-tokend')])
      assert.ok(!existsSync(path), path);
  });
});
