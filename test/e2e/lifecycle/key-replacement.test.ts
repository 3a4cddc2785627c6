import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProfileStatus } from '../../../src/protocol/method-types.ts';
import { formatKeyFile, getTestKey } from '../../support/iam/test-keys.ts';
import { type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';

const key = getTestKey();
const account = key.serviceAccountId;

describe('18.5: a key file whose key is replaced', function () {
  this.timeout(60_000);
  let testEnv: TestEnvironment;
  let keyPath: string;

  beforeEach(async () => {
    testEnv = await startTestEnvironment({ store: 'file' });
    const storeKeyPath = join(testEnv.folder, 'store-key');
    writeFileSync(storeKeyPath, 'k'.repeat(64), { mode: 0o600 });
    const configPath = join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml');
    writeFileSync(configPath, `file: { key-file: ${storeKeyPath} }\nkeys: { rotateAfter: 90d }\n`);
    mkdirSync(join(testEnv.folder, 'Downloads'));
    keyPath = join(testEnv.folder, 'Downloads', 'key.json');
    writeFileSync(keyPath, formatKeyFile(key), { mode: 0o600 });
    // Another pair for the new key, as IAM generates one.
    testEnv.emulator.keys.generateKeyPair = () => getTestKey(4096);
    testEnv.emulator.allowKey(key);
    testEnv.emulator.keys.grant(account, account);
    await testEnv.startDaemon();
  });
  afterEach(() => testEnv.stop());

  async function run(args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await testEnv.iamToken(args);
    assert.equal(code, 0, stderr);
    return stdout;
  }
  const login = (...options: readonly string[]) =>
    testEnv.iamToken(['login', '--service-account-key', keyPath, ...options]);
  const listKeyIds = (): readonly string[] => testEnv.emulator.keys.list(account).map(({ id }) => id);
  const readKey = async () => {
    const { profiles } = JSON.parse(await run(['status', '--json'])) as {
      profiles: readonly ProfileStatus[];
    };
    return profiles[0]?.key ?? assert.fail('the profile has no key');
  };

  it('is refused by IAM after login --replace-key, and the profile keeps its token', async () => {
    const { code, stdout, stderr } = await login('--replace-key', '--yes');
    assert.equal(code, 0, stderr);
    const [newId] = listKeyIds();
    assert.notEqual(newId, key.id);
    const lines = stdout.trimEnd().split('\n');
    const expected = `replaced the key: ${newId} replaces ${key.id}; ${keyPath} is worthless from now on`;
    assert.equal(lines.at(-1), expected);
    const again = await login('--profile', 'other');
    assert.equal(again.code, 4);
    assert.match(again.stderr, /key of the JWT is not found/);
    assert.match(await run(['refresh']), /^renewed default/);
    assert.equal(testEnv.emulator.subjectOfValidToken((await run([])).trim()), account);
  });

  it('stays valid with --keep-old-key', async () => {
    await login('--replace-key', '--keep-old-key');
    assert.equal(listKeyIds().length, 2);
    assert.equal((await login('--profile', 'other')).code, 0);
  });

  it('is named by doctor until then, and status shows the id, the age and the next rotation of each key', async () => {
    await login();
    const before = await readKey();
    assert.equal(before.id, key.id);
    const ageAndRotation =
      /credential +authorized key (\w+), \d+ .* old.*\n +key rotation +next (in \d+ d.*|now)\n/;
    assert.equal(ageAndRotation.exec(await run(['status']))?.[1], key.id);
    assert.match(await run(['profiles']), /\n\* default +\S+ +key +ok +11h59m +in /);
    const doctor = await testEnv.iamToken(['doctor']);
    assert.match(doctor.stdout, /key of default +\S+key\.json is still valid\n.*iam-token rotate-key\n/);
    await run(['rotate-key']);
    const after = await readKey();
    assert.notEqual(after.id, key.id);
    assert.equal(ageAndRotation.exec(await run(['status']))?.[1], after.id);
    assert.ok(Date.parse(after.createdAt ?? '') >= Date.parse(before.createdAt ?? ''));
    assert.ok(Date.parse(after.nextRotationAt ?? '') - Date.parse(after.createdAt ?? '') >= 90 * 86_400_000);
    assert.doesNotMatch((await testEnv.iamToken(['doctor'])).stdout, /still valid/);
  });

  it('stays in use if the role is missing, and rotate-key gives the command that grants it', async () => {
    testEnv.emulator.keys.grant(account, account, []);
    await login();
    const { code, stderr } = await testEnv.iamToken(['rotate-key']);
    const role = 'iam.serviceAccounts.keyAdmin';
    const problem = `the service account ${account} cannot create a key: it lacks the role ${role} for itself`;
    const hint = `yc iam service-account add-access-binding ${account} --role ${role} --subject serviceAccount:${account}`;
    assert.deepEqual([code, stderr], [4, `iam-token: error: ${problem}\niam-token: hint: ${hint}\n`]);
    assert.match(await run(['refresh']), /^renewed default/);
    assert.equal((await readKey()).id, key.id);
    testEnv.emulator.keys.grant(account, account);
    await run(['rotate-key']);
    assert.notEqual((await readKey()).id, key.id);
  });
});
