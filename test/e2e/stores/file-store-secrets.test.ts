import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { listFilesBelow, readProcessStrings } from '../../support/processes/leak-traces.ts';
import {
  createOauthToken,
  startTestEnvironment,
  type TestEnvironment,
} from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

const passphrase = 'correct hörse cAnArY battery';

describe('passphrase and secrets of the file store', function () {
  // Three heap snapshots take most of the default timeout on a machine under load.
  let testEnv: TestEnvironment;
  const oauthToken = createOauthToken();
  let token: string;
  const processStrings: string[] = [];
  /** Secrets of Object Storage keys, before the lock and before the logout. */
  const keys: string[] = [];
  /** The reachable memory of the daemon before the lock, after it, and after a logout. */
  const heaps: string[] = [];

  async function takeHeapSnapshot(pid: number): Promise<string> {
    let heap = '';
    process.kill(pid, 'SIGUSR2');
    await waitUntil(() => {
      const name = readdirSync(testEnv.folder).find((file) => file.endsWith('.heapsnapshot'));
      if (name === undefined) return false;
      const path = join(testEnv.folder, name);
      heap = readFileSync(path, 'utf8');
      if (!heap.trimEnd().endsWith('}')) return false;
      rmSync(path);
      return true;
    }, 'the heap snapshot is written');
    return heap;
  }

  before(async () => {
    testEnv = await startTestEnvironment({
      store: 'file',
      logLevel: 'debug',
      accounts: [{ token: oauthToken }],
    });
    const pid = await testEnv.startDaemon([], {
      NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${testEnv.folder}`,
    });
    const steps = [
      () => testEnv.iamToken(['unlock', '--stdin'], passphrase),
      () => testEnv.iamToken(['login', '--stdin'], oauthToken),
      () => testEnv.iamToken(),
      () => testEnv.iamToken(['unlock', '--stdin'], `${passphrase}x`),
      () => testEnv.iamToken(['status', '--json']),
    ];
    for (const step of steps) {
      const run = await step();
      processStrings.push(...readProcessStrings(), run.stderr);
      if (run.stdout.startsWith('t1.')) token = run.stdout.trim();
    }
    await collectKeys();
    heaps.push(await takeHeapSnapshot(pid));
    await testEnv.iamToken(['lock']);
    heaps.push(await takeHeapSnapshot(pid));
    await testEnv.iamToken(['unlock', '--stdin'], passphrase);
    await collectKeys();
    await testEnv.iamToken(['logout']);
    heaps.push(await takeHeapSnapshot(pid));
  });
  after(() => testEnv.stop());

  async function collectKeys(): Promise<void> {
    const { stdout } = await testEnv.iamToken(['aws-credential-process']);
    keys.push((JSON.parse(stdout) as { readonly SecretAccessKey: string }).SecretAccessKey);
  }

  it('are in no file, log, message, argument or environment', async () => {
    const canaries = [passphrase, 'cAnArY', oauthToken, token, ...keys];
    const texts = listFilesBelow(testEnv.folder).map((path) => readFileSync(path, 'latin1'));
    for (const canary of canaries) {
      const latin1Canary = Buffer.from(canary).toString('latin1');
      assert.ok(
        [...texts, ...processStrings, testEnv.readLog()].every(
          (text) => !text.includes(canary) && !text.includes(latin1Canary),
        ),
      );
    }
    assert.match(testEnv.readLog(), /unlocked/);
  });

  it('are not in the heap of a locked daemon', () => {
    const [before = '', after = ''] = heaps;
    const [key = ''] = keys;
    for (const secret of [oauthToken, token, key])
      assert.ok(before.includes(secret), 'they are in the heap before');
    assert.ok(after.length > 1_000_000);
    for (const [secretName, secret] of Object.entries({ passphrase: 'cAnArY', oauthToken, token, key })) {
      assert.ok(!after.includes(secret), secretName);
    }
  });

  it('are not in the heap after a logout', () => {
    const after = heaps[2] ?? '';
    assert.ok(after.length > 1_000_000);
    for (const secret of [oauthToken, token, ...keys]) assert.ok(!after.includes(secret), secret);
  });
});
