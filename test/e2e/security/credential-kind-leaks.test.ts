import assert from 'node:assert/strict';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  withImpersonation,
  type CredentialFixture,
  credentialFixtures,
} from '../../support/iam/credential-fixtures.ts';
import { readProcessStrings } from '../../support/processes/leak-traces.ts';
import { type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';

describe('secrets of all credential kinds and their IAM tokens', () => {
  let testEnv: TestEnvironment;
  let folder: string;
  const canaries = new Set<string>();
  /** Everything that the programs printed, except the requested tokens. */
  let programOutput = '';
  const seenInProcesses = new Set<string>();

  function scanProcesses(): void {
    const processStrings = readProcessStrings();
    for (const canary of canaries)
      if (processStrings.some((text) => text.includes(canary))) seenInProcesses.add(canary);
  }

  async function runAndScan(args: readonly string[], stdin = ''): Promise<void> {
    const { stdout, stderr } = await testEnv.iamToken(args, stdin);
    programOutput += stdout + stderr;
    scanProcesses();
  }

  async function collectToken(args: readonly string[]): Promise<void> {
    const { stdout, stderr } = await testEnv.iamToken(args);
    if (stdout.startsWith('t1.')) canaries.add(stdout.trim());
    programOutput += stderr;
    scanProcesses();
  }

  async function exerciseCredential(name: string, credential: CredentialFixture): Promise<void> {
    for (const canary of credential.canaries) canaries.add(canary);
    const profile = ['--profile', name.replaceAll(' ', '-')];
    await runAndScan(['login', ...profile, ...credential.args], credential.stdin);
    await collectToken(profile);
    await runAndScan(['login', ...profile, ...credential.rejectedLogin.args], credential.rejectedLogin.stdin);
    // A service can repeat only what it received; a private key is never sent.
    const echoedSecrets = credential.kind === 'service-account-key' ? [] : credential.canaries;
    for (const fault of [
      { kind: 'junk' },
      { kind: 'cut' },
      { kind: 'hang_in_body' },
      { kind: 'status', code: 3, message: `bad: ${echoedSecrets.join(' ')}` },
    ] as const) {
      testEnv.emulator.setFault(fault);
      await runAndScan(['refresh', ...profile, '--timeout', '2s']);
      testEnv.emulator.setFault(null);
    }
    credential.rejectCredential();
    await runAndScan(['refresh', ...profile]);
    credential.acceptCredential();
    await credential.prepareRenewal();
    await runAndScan(['refresh', ...profile]);
    await collectToken(profile);
    await runAndScan(['status', '--json']);
    await runAndScan(['logout', '--revoke', ...profile]);
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'credentials-'));
    testEnv = await startTestEnvironment({ logLevel: 'debug', config: 'iam: { timeout: 500ms }\n' });
    await testEnv.startDaemon();
    for (const [name, createFixture] of Object.entries(credentialFixtures))
      await exerciseCredential(name, await createFixture(testEnv, folder, 0));
    const oauthFixture = await credentialFixtures['oauth']?.(testEnv, folder, 1);
    if (oauthFixture !== undefined)
      await exerciseCredential(
        'impersonated',
        withImpersonation(testEnv, oauthFixture, 'ajeactedas0000000000'),
      );
    await testEnv.stopDaemon();
  });
  after(async () => {
    await testEnv.stop();
    rmSync(folder, { recursive: true });
  });

  it('are collected from every command', () => {
    assert.ok(canaries.size > 30, `${canaries.size}`);
    assert.match(programOutput, /logged in as[^]*revoked/);
  });

  it('are in no file except the keyring', () => {
    const ycFolder = join(testEnv.folder, 'yandex-cloud');
    const leakedCanaries = readdirSync(testEnv.folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(testEnv.folder, name))
      .filter((path) => !path.startsWith(ycFolder) && lstatSync(path).isFile())
      .filter((path) => {
        const text = readFileSync(path, 'latin1');
        return [...canaries].some((canary) => text.includes(canary));
      });
    assert.deepEqual(leakedCanaries, []);
  });

  it('are in no log and in no other output of the programs', () => {
    const log = testEnv.readLog();
    assert.match(log, /could not renew the IAM token/);
    const leakedCanaries = [...canaries].filter(
      (canary) => log.includes(canary) || programOutput.includes(canary),
    );
    assert.deepEqual(leakedCanaries, []);
  });

  it('are in no argv and no environment of any process', () => {
    assert.deepEqual([...seenInProcesses], []);
  });
});
