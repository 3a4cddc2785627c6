import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createOauthToken,
  startTestEnvironment,
  type TestEnvironment,
} from '../../support/test-environment.ts';
import { listFilesBelow, readProcessStrings } from '../../support/processes/leak-traces.ts';

describe('canary credential and its IAM tokens', () => {
  let testEnv: TestEnvironment;
  const oauthToken = createOauthToken();
  const tokens = new Set<string>();
  let wasSeenInProcesses = false;

  const scanProcesses = (): void => {
    const processStrings = readProcessStrings();
    for (const canary of [oauthToken, ...tokens]) {
      wasSeenInProcesses ||= processStrings.some((text) => text.includes(canary));
    }
  };
  const collectToken = async (): Promise<void> => {
    const { stdout, code } = await testEnv.iamToken();
    if (code === 0) tokens.add(stdout.trim());
    scanProcesses();
  };

  before(async () => {
    testEnv = await startTestEnvironment({ logLevel: 'debug', accounts: [{ token: oauthToken }] });
    await testEnv.startDaemon();
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    await collectToken();
    await testEnv.iamToken(['refresh']);
    await collectToken();
    for (const fault of [{ kind: 'junk' }, { kind: 'empty' }, { kind: 'array' }] as const) {
      testEnv.emulator.setFault(fault, 1);
      await testEnv.iamToken(['refresh']);
      await collectToken();
    }
    await testEnv.iamToken(['login', '--stdin'], `${oauthToken} and more`);
    await testEnv.iamToken(['login', '--stdin'], `${oauthToken}x`);
    await testEnv.stopDaemon();
    await testEnv.startDaemon();
    await collectToken();
    await testEnv.iamToken(['status', '--json']);
    await testEnv.iamToken(['doctor', '--bundle', join(testEnv.folder, 'bundle.json')]);
    await testEnv.stopDaemon();
  });
  after(() => testEnv.stop());

  it('are in no file except the keyring', () => {
    const canaries = [oauthToken, ...tokens];
    assert.ok(tokens.size > 1);
    const leakingPaths = listFilesBelow(testEnv.folder).filter((path) => {
      const text = readFileSync(path, 'latin1');
      return canaries.some((canary) => text.includes(canary));
    });
    assert.deepEqual(leakingPaths, []);
  });

  it('are in no log at level debug', () => {
    const log = testEnv.readLog();
    assert.match(log, /renewed the IAM token/);
    for (const canary of [oauthToken, ...tokens]) assert.ok(!log.includes(canary));
    assert.ok(!log.includes(oauthToken.slice(8, 24)), 'not even in part');
  });

  it('are in no argv and no environment of any process', () => {
    assert.equal(wasSeenInProcesses, false);
  });
});
