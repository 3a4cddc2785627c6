import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FullStatus } from '../../../src/protocol/collect-pages.ts';
import { version } from '../../../src/shared/version.ts';
import { type CredentialFixture, credentialFixtures } from '../../support/iam/credential-fixtures.ts';
import { installTarball } from '../../support/processes/package-tarball.ts';
import { firstRelease, programsBelow } from '../../support/releases/first-release.ts';
import { builtPrograms, startTestEnvironment, type TestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

type Tokens = Readonly<Record<string, string>>;

/** Each test goes on where the one before has ended: 0.1.0, this release, and 0.1.0 again. */
function describeUpgrade(store: 'keychain' | 'file'): void {
  let folder: string;
  let oldPrograms: string;
  let programs: string;
  let testEnv: TestEnvironment;
  const credentials: Record<string, CredentialFixture> = {};
  let config: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'iam-tokend-upgrade-'));
    installTarball(folder, firstRelease);
    oldPrograms = programsBelow(folder);
    programs = oldPrograms;
    writeFileSync(join(folder, 'key'), Buffer.alloc(32, 7), { mode: 0o600 });
    config = `refresh: { schedule: "7 * * * *" }\nfile: { key: { key-file: "${join(folder, 'key')}" } }\n`;
    testEnv = await startTestEnvironment({ store, config, programsFolder: () => programs });
    await testEnv.startDaemon();
    for (const [index, [kind, createFixture]] of Object.entries(credentialFixtures).entries()) {
      const credential = await createFixture(testEnv, folder, index);
      credentials[kind] = credential;
      await succeed(['login', '--profile', kind, ...credential.args], credential.stdin);
    }
    await succeed(['use', 'metadata']);
  });
  after(async () => {
    await testEnv?.stop();
    rmSync(folder, { recursive: true });
  });

  async function succeed(args: readonly string[], stdin = ''): Promise<string> {
    const { stdout, stderr, code } = await testEnv.iamToken(args, stdin);
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  }
  const readStatus = async (): Promise<FullStatus> =>
    JSON.parse(await succeed(['status', '--json'])) as FullStatus;
  async function fetchTokens(): Promise<Tokens> {
    const kinds = Object.keys(credentials);
    const tokens = await Promise.all(kinds.map((kind) => succeed(['--profile', kind])));
    return Object.fromEntries(kinds.map((kind, index) => [kind, tokens[index] ?? '']));
  }
  /** Each credential is still in the store, and IAM accepts it. */
  async function renewEach(): Promise<void> {
    const tokens = await fetchTokens();
    for (const [kind, credential] of Object.entries(credentials)) {
      await credential.prepareRenewal();
      await succeed(['refresh', '--profile', kind]);
      assert.notEqual(await succeed(['--profile', kind]), tokens[kind], kind);
    }
  }
  /** Replaces the daemon by that of another release, which cannot reach IAM at first. */
  async function changeRelease(otherPrograms: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await testEnv.stopDaemon(signal);
    programs = otherPrograms;
    testEnv.emulator.setFault({ kind: 'cut', atByte: 0, of: 'answer' });
    await testEnv.startDaemon();
  }
  const readFile = (name: string): string =>
    readFileSync(join(testEnv.folder, 'config/iam-tokend', name), 'utf8');

  it('the token of each kind is served without IAM, and is renewed with the credential of 0.1.0', async () => {
    const tokens = await fetchTokens();
    const logBefore = testEnv.readLog();
    assert.match(logBefore, /0\.1\.0/);
    await changeRelease(builtPrograms);
    assert.deepEqual(await fetchTokens(), tokens);
    testEnv.emulator.setFault(null);
    const { daemon, profiles } = await readStatus();
    assert.equal(daemon.version, version);
    assert.equal(profiles.find(({ isDefault }) => isDefault)?.profile, 'metadata');
    await renewEach();
    assert.ok(profiles.every(({ problem }) => problem === null));
    assert.equal(readFile('config.yaml'), config);
    assert.ok(testEnv.readLog().startsWith(logBefore), 'the log goes on');
  });

  it('0.1.0 goes on after the way back, with the tokens and credentials of this release', async () => {
    const { args, stdin } = credentials['oauth'] ?? assert.fail();
    await succeed(['login', '--profile', 'oauth', ...args], stdin);
    await succeed(['login', '--profile', 'oauth', '--folder-id', 'b1gfolder']);
    const tokens = await fetchTokens();
    await waitUntil(() => !testEnv.readLog().includes('cannot store'), 'each token is stored');
    await changeRelease(oldPrograms);
    assert.deepEqual(await fetchTokens(), tokens);
    testEnv.emulator.setFault(null);
    assert.equal((await readStatus()).daemon.version, '0.1.0');
    assert.equal(
      (await readStatus()).profiles.find(({ profile }) => profile === 'oauth')?.folderId,
      'b1gfolder',
    );
    await renewEach();
  });

  it('a lock holds until unlock, after the upgrade of a killed daemon and after the way back', async () => {
    const tokens = await fetchTokens();
    await succeed(['lock']);
    await changeRelease(builtPrograms, 'SIGKILL');
    assert.equal((await testEnv.iamToken()).code, 6);
    await succeed(['unlock']);
    assert.deepEqual(await fetchTokens(), tokens);
    await succeed(['lock']);
    await changeRelease(oldPrograms);
    assert.equal((await testEnv.iamToken()).code, 6);
    await succeed(['unlock']);
    assert.deepEqual(await fetchTokens(), tokens);
    testEnv.emulator.setFault(null);
  });

  it('neither release starts beside the other; after a crash of this one, 0.1.0 names the file to move', async () => {
    programs = builtPrograms;
    const second = await testEnv.iamTokend(['--store', store]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /another iam-tokend is running/);
    await changeRelease(builtPrograms);
    testEnv.emulator.setFault(null);
    programs = oldPrograms;
    const lockPath = join(testEnv.folder, 'config/iam-tokend/lock');
    const message = `${lockPath} is not a lock that we made; move it away`;
    assert.ok((await testEnv.iamTokend(['--store', store])).stderr.includes(message));
    await testEnv.stopDaemon('SIGKILL');
    assert.ok((await testEnv.iamTokend(['--store', store])).stderr.includes(message));
    rmSync(lockPath);
    rmSync(`${testEnv.socketPath}.lock`);
    if (store === 'file') rmSync(join(testEnv.folder, 'state/iam-tokend/store.lock'));
    await testEnv.startDaemon();
    await succeed([]);
  });
}

for (const store of ['keychain', 'file'] as const) {
  describe(`19.6: upgrade from 0.1.0, ${store} store`, () => describeUpgrade(store));
}
