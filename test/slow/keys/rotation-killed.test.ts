import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Registry } from '../../../src/daemon/profiles/profile-registry.ts';
import { formatKeyFile, getTestKey } from '../../support/iam/test-keys.ts';
import { type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** Of each kind; `ROTATION_KILLS=200` for the number that a release is tested with. */
const killCount = Number(process.env['ROTATION_KILLS'] ?? 8);
const key = getTestKey();
const account = key.serviceAccountId;
const dayMs = 86_400_000;

describe('killed rotation', function () {
  this.timeout(10 * 60_000 + killCount * 30_000);
  let testEnv: TestEnvironment;

  beforeEach(async () => {
    testEnv = await startTestEnvironment({ store: 'file' });
    const keyPath = join(testEnv.folder, 'store-key');
    writeFileSync(keyPath, 'k'.repeat(64), { mode: 0o600 });
    writeFileSync(
      join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml'),
      `file: { key-file: ${keyPath} }\nkeys: { rotateAfter: 90d }\n`,
    );
    testEnv.emulator.keys.generateKeyPair = () => key;
    testEnv.emulator.allowKey(key);
    testEnv.emulator.keys.grant(account, account);
    await testEnv.startDaemon();
    await runOrFail(['login', '--service-account-key', writeKeyFile(key.id)]);
  });
  afterEach(() => testEnv.stop());

  async function runOrFail(args: readonly string[]): Promise<void> {
    const { code, stderr } = await testEnv.iamToken(args);
    assert.equal(code, 0, stderr);
  }

  /** @param id all keys of the account have the same pair */
  function writeKeyFile(id: string): string {
    const path = join(testEnv.folder, 'key.json');
    writeFileSync(path, formatKeyFile({ ...key, id }), { mode: 0o600 });
    return path;
  }

  const registryPath = (): string => join(testEnv.folder, 'config', 'iam-tokend', 'profiles.json');
  const readRegistry = (): Registry => JSON.parse(readFileSync(registryPath(), 'utf8')) as Registry;
  const listKeyIds = (): readonly string[] => testEnv.emulator.keys.list(account).map(({ id }) => id);

  /** A key works, IAM has exactly one of ours, and the store one slot. @returns the id of the key */
  async function assertConsistent(context: string): Promise<string> {
    const isClean = (): boolean => {
      const { obsoleteKeys, discarded } = readRegistry();
      return obsoleteKeys === undefined && discarded.length === 0;
    };
    await waitUntil(isClean, `the leftovers are removed, ${context}`, 30_000);
    const { code, stdout, stderr } = await testEnv.iamToken(['refresh']);
    assert.equal(code, 0, `${context}: ${stderr}`);
    assert.match(stdout, /^renewed default/);
    await waitUntil(isClean, `nothing is left after a renewal, ${context}`, 30_000);
    const { code: tokenCode, stdout: token } = await testEnv.iamToken([]);
    assert.equal(tokenCode, 0, context);
    assert.equal(testEnv.emulator.subjectOfValidToken(token.trim()), account, context);
    const entry = readRegistry().profiles['default'];
    assert.deepEqual(listKeyIds(), [entry?.key?.id], context);
    return entry?.key?.id ?? '';
  }

  /**
   * Kills daemons during rotations, from the first request to IAM to a time after the last one.
   * @param start resolves when the client has ended
   */
  async function killAtRandom(
    prepare: (liveId: string) => Promise<unknown>,
    start: () => Promise<unknown>,
  ): Promise<void> {
    const counts = { unchanged: 0, unfinished: 0, replaced: 0 };
    let liveId = key.id;
    let rotationMs = 0;
    for (let round = 0; round <= killCount; round += 1) {
      await prepare(liveId);
      const requestCount = testEnv.emulator.listRequests().length;
      const running = start();
      await waitUntil(() => testEnv.emulator.listRequests().length > requestCount, `round ${round} begins`);
      if (round === 0) {
        // The machine may be slow: this rotation is measured, and not killed.
        const startedMs = performance.now();
        await waitUntil(() => hasReplaced(liveId), 'the key is replaced');
        rotationMs = performance.now() - startedMs;
        await running;
        liveId = await assertConsistent('measured');
        continue;
      }
      const killDelayMs = Math.random() * rotationMs * 1.3;
      await delay(killDelayMs);
      await testEnv.stopDaemon('SIGKILL');
      await running;
      const isUnfinished = readRegistry().obsoleteKeys !== undefined;
      // A rotation that was killed is not made up for by the checks.
      setKeyAge(0);
      await testEnv.startDaemon();
      const id = await assertConsistent(`round ${round}, killed after ${killDelayMs.toFixed(1)} ms`);
      counts[isUnfinished ? 'unfinished' : id === liveId ? 'unchanged' : 'replaced'] += 1;
      liveId = id;
    }
    // A few may all fall on one side.
    const isMixed = Object.values(counts).every((count) => count > 0);
    assert.ok(isMixed || killCount < 50, JSON.stringify(counts));
  }

  function hasReplaced(replacedId: string): boolean {
    const { profiles, obsoleteKeys } = readRegistry();
    return profiles['default']?.key?.id !== replacedId && obsoleteKeys === undefined;
  }

  it(`of login --replace-key leaves one key and one slot, at ${killCount} random points`, () =>
    killAtRandom(
      async (liveId) => writeKeyFile(liveId),
      () =>
        testEnv.iamToken([
          'login',
          '--service-account-key',
          join(testEnv.folder, 'key.json'),
          '--replace-key',
          '--yes',
          '--timeout',
          '5s',
        ]),
    ));

  it(`by age leaves one key and one slot, at ${killCount} random points`, () =>
    killAtRandom(
      async () => {
        // The key is old enough, and the next attempt the first of its day.
        await testEnv.stopDaemon('SIGKILL');
        setKeyAge(92);
        await testEnv.startDaemon();
      },
      () => testEnv.iamToken(['refresh', '--timeout', '5s']),
    ));

  function setKeyAge(days: number): void {
    const registry = readRegistry();
    const entry = registry.profiles['default'] ?? assert.fail('there is no profile');
    const { attemptedAtMs: _, ...liveKey } = entry.key ?? assert.fail('the profile has no key');
    const datedKey = { ...liveKey, createdAtMs: Date.now() - days * dayMs };
    const profiles = { ...registry.profiles, default: { ...entry, key: datedKey } };
    writeFileSync(registryPath(), JSON.stringify({ ...registry, profiles }));
  }
});
