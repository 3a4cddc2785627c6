import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProfileStatus } from '../../../src/protocol/method-types.ts';
import { formatKeyFile, getTestKey } from '../../support/iam/test-keys.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { oauthToken, startTestEnvironment, type TestEnvironment } from '../../support/test-environment.ts';

const key = getTestKey();
const robotId = key.serviceAccountId;
const adaId = 'ajeada00000000000001';

describe('18.3: names of accounts, with the real programs', () => {
  const folder = useTemporaryFolder();
  let testEnv: TestEnvironment;
  let keyFile: string;

  beforeEach(async () => {
    const accounts = [{ token: oauthToken, subject: adaId }];
    testEnv = await startTestEnvironment({ store: 'file', config: fileStoreConfig(), accounts });
    testEnv.emulator.allowKey(key);
    keyFile = join(testEnv.folder, 'key.json');
    writeFileSync(keyFile, formatKeyFile(key), { mode: 0o600 });
    await testEnv.startDaemon();
  });
  afterEach(() => testEnv.stop());

  /** A store that needs no keyring and outlives the daemon. */
  function fileStoreConfig(settings = ''): string {
    return `file: { key: { key-file: ${join(folder(), 'store.key')} } }\n${settings}`;
  }

  const logIn = async (profile = 'robot'): Promise<string> => {
    const args = ['login', '--profile', profile, '--service-account-key', keyFile];
    const { stdout, stderr, code } = await testEnv.iamToken(args);
    assert.equal(code, 0, stderr);
    return stdout.split('\n')[0] ?? '';
  };
  const statusOf = async (profile: string): Promise<ProfileStatus> => {
    const { stdout } = await testEnv.iamToken(['status', '--json', '--profile', profile]);
    const { profiles } = JSON.parse(stdout) as { readonly profiles: readonly ProfileStatus[] };
    return profiles[0] ?? assert.fail('there is a profile');
  };
  const countLookups = (): number =>
    testEnv.emulator.listRequests().filter(({ path }) => path.includes('Accounts/')).length;

  it('shows the name at the login, in status, profiles and doctor, and after a restart without IAM', async () => {
    testEnv.emulator.describeAccount(robotId, { name: 'my-robot' });
    testEnv.emulator.describeAccount(adaId, {
      yandexPassportUserAccount: { login: 'ada', defaultEmail: 'ada@ya.ru' },
    });
    assert.match(
      await logIn(),
      new RegExp(`^logged in as my-robot \\(${robotId}\\); IAM token valid until `),
    );
    const oauthLogin = await testEnv.iamToken(['login', '--profile', 'me', '--oauth', '--stdin'], oauthToken);
    assert.match(oauthLogin.stdout, new RegExp(`^logged in as ada \\(${adaId}\\); `));
    assert.equal(countLookups(), 2);
    await testEnv.stopDaemon();
    testEnv.emulator.setFault({ kind: 'cut', atByte: 0, of: 'answer' });
    await testEnv.startDaemon();
    const { stdout: table } = await testEnv.iamToken(['profiles']);
    assert.match(table, /^ {2}me +ada +oauth +ok /m);
    assert.match(table, /^\* robot +my-robot +key +ok /m);
    const { stdout: status } = await testEnv.iamToken(['status', '--profile', 'robot']);
    assert.match(status, new RegExp(`^robot \\(default\\) {3}service account my-robot \\(${robotId}\\)\n`));
    const { stdout: findings } = await testEnv.iamToken(['doctor']);
    assert.match(findings, new RegExp(`profile robot +token of my-robot \\(${robotId}\\) valid for `));
    assert.equal((await statusOf('me')).displayName, 'ada');
    assert.equal(countLookups(), 2);
  });

  it('logs in without the permission to read the account, and shows its id', async () => {
    assert.match(await logIn(), new RegExp(`^logged in as ${robotId}; `));
    const { displayName, state } = await statusOf('robot');
    assert.deepEqual([displayName, state, countLookups()], [undefined, 'ok', 1]);
  });

  it('shows a name of 10 KB with control characters and direction marks as one short line', async () => {
    const name = `\x1b]0;title\x07\r\n\u202e\u2066robot\u200f${'\u0007n'.repeat(5 * 1_024)}`;
    testEnv.emulator.describeAccount(robotId, { name });
    const line = await logIn();
    // oxlint-disable-next-line no-control-regex -- what must not be there
    assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
    assert.match(line, new RegExp(`^logged in as \\]0;title robotn{49,51}… \\(${robotId}\\); IAM token`));
    const { displayName = '' } = await statusOf('robot');
    assert.equal(Array.from(displayName).length, 64);
    const { stdout: table } = await testEnv.iamToken(['profiles']);
    assert.equal(table.split('\n').length, 3);
  });

  it('asks for no name with login: { names: false }, which a reload applies', async () => {
    testEnv.emulator.describeAccount(robotId, { name: 'my-robot' });
    const file = join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml');
    writeFileSync(file, fileStoreConfig('login: { names: false }\n'));
    await testEnv.stopDaemon();
    await testEnv.startDaemon();
    assert.match(await logIn(), new RegExp(`^logged in as ${robotId}; `));
    assert.equal(countLookups(), 0);
  });
});
