import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { dirname, join } from 'node:path';
import { callDaemon } from '../../support/daemon/call-daemon.ts';
import { sendRawRequest } from '../../support/network/raw-http.ts';
import { formatGet } from '../../support/network/scripted-handler.ts';
import { waitForExit } from '../../support/processes/process-result.ts';
import { oauthToken, startTestEnvironment, type TestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { readCredential } from '../../support/systems/credential-reader.ts';

const otherUid = 65_534;
const config =
  'http: { socket: true }\nmetrics: { listen: 127.0.0.1:0 }\nsystemd: { credentialSocket: true }\n';
/** 0 to 11 MB were measured; 2 KB for each of 10,000 scrapes, whose responses have 7 KB each, are 33 MB. */
const maxGrowthMb = 24;

/** In the last round. */
const growthMb = (bytes: readonly number[]): number => ((bytes.at(-1) ?? 0) - (bytes.at(-2) ?? 0)) / 1e6;

const profileName = 'prod "eu" {a="b"}';

describe('the metrics address', () => {
  let testEnv: TestEnvironment;
  let pid: number;
  let address: URL;

  before(async () => {
    testEnv = await startTestEnvironment({ store: 'memory', config });
    pid = await testEnv.startDaemon();
    const { code, stderr } = await testEnv.iamToken(
      ['login', '--stdin', '--profile', profileName],
      oauthToken,
    );
    assert.equal(code, 0, stderr);
    const { result } = await callDaemon(testEnv.socketPath, 'status', {});
    address = new URL(`http://${result?.daemon.metricsAddress ?? assert.fail('no metrics address')}`);
  });
  after(() => testEnv.stop());

  const fetchMetrics = async (): Promise<string> => (await fetch(new URL('/metrics', address))).text();

  it('19.3: serves metrics without a token and without an account', async () => {
    const token = (await testEnv.iamToken()).stdout.trim();
    let text = '';
    await waitUntil(async () => {
      text = await fetchMetrics();
      return text.includes('method="token",outcome="success"');
    }, 'the token is counted');
    assert.match(text, /^iam_tokend_token_remaining_seconds\{profile="[^\n]+"\} 4\d{4}(?:\.\d+)?$/m);
    assert.match(text, /^iam_tokend_requests_total\{method="token",outcome="success"\} \d+$/m);
    assert.match(text, /^process_resident_memory_bytes \d{8,}$/m);
    const { result } = await callDaemon(testEnv.socketPath, 'status', {});
    const subject = result?.profiles[0]?.subject ?? assert.fail('the token has an account');
    for (const secret of [token.slice(3, 40), subject, oauthToken.slice(0, 12)])
      assert.ok(!text.includes(secret), secret);
    for (const path of ['/v1/token', '/computeMetadata/v1/instance/service-accounts/default/token']) {
      const headers = { 'metadata-flavor': 'Google' };
      assert.equal((await fetch(new URL(path, address), { headers })).status, 404);
    }
  });

  it('19.3: escapes the name of a profile with quotes', async () => {
    assert.ok((await fetchMetrics()).includes(String.raw`{profile="prod \"eu\" {a=\"b\"}",state="ok"} 1`));
  });

  it('19.3: serves the same at http.sock, and by iam-token status --metrics', async () => {
    const path = join(dirname(testEnv.socketPath), 'http', 'http.sock');
    const { status, body } = await sendRawRequest({ path }, formatGet('/metrics', ['Host: localhost']));
    assert.equal(status, 200);
    const { stdout, code } = await testEnv.iamToken(['status', '--metrics']);
    assert.equal(code, 0);
    const namesIn = (text: string): readonly string[] => [
      ...new Set([...text.matchAll(/^# TYPE (?:iam_tokend_)?(\w+)/gm)].map(([, name = '']) => name)),
    ];
    assert.deepEqual(namesIn(body), namesIn(await fetchMetrics()));
    assert.deepEqual(namesIn(stdout), namesIn(body));
  });

  it('19.3: serves another user, and refuses the headers of a browser', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const script = `
      const request = (headers) => require('http').get(process.argv[1], { headers }, (response) => {
        console.log(response.statusCode); response.resume(); });
      request({}).on('close', () => request({ Origin: 'http://page.example' }));`;
    const url = new URL('/metrics', address).href;
    const options = { cwd: '/', uid: otherUid, gid: otherUid };
    const { stdout, stderr } = await waitForExit(spawn(process.execPath, ['-e', script, url], options));
    assert.equal(stdout, '200\n403\n', stderr);
  });

  it('19.3: reports readiness, and says nothing of the reason', async () => {
    assert.equal((await fetch(new URL('/healthz', address))).status, 200);
    assert.equal((await fetch(new URL('/readyz', address))).status, 200);
    await testEnv.iamToken(['lock']);
    const response = await fetch(new URL('/readyz', address));
    assert.deepEqual(
      [response.status, await response.json()],
      [503, { error: { code: 'locked', message: 'no valid token' } }],
    );
    await waitUntil(async () => /^iam_tokend_locked 1$/m.test(await fetchMetrics()), 'the lock is shown');
    await testEnv.iamToken(['unlock']);
    await testEnv.iamToken(['login', '--stdin', '--profile', profileName], oauthToken);
  });

  it('19.3: serves 10,000 scrapes without growing, or delaying a token', async function () {
    this.timeout(180_000);
    // The first ones load what a scrape needs.
    await scrape(1_200);
    const bytes = [await readSettledBytes()];
    const durations: number[] = [];
    // A leak grows in each round, what V8 keeps of a first one does not.
    do {
      durations.push(...(await measureTokensDuring(scrape(10_000))));
      bytes.push(await readSettledBytes());
    } while (growthMb(bytes) >= maxGrowthMb && bytes.length <= 3);
    const median = durations.toSorted((a, b) => a - b)[Math.floor(durations.length / 2)] ?? Infinity;
    assert.ok(durations.length > 20 && median < 500, `${durations.length} tokens, median ${median} ms`);
    assert.ok(growthMb(bytes) < maxGrowthMb, `grew in each round: ${bytes.join(', ')} bytes`);
  });

  /** @returns the durations of token requests, in milliseconds */
  async function measureTokensDuring(work: Promise<void>): Promise<readonly number[]> {
    let isDone = false;
    const done = work.finally(() => (isDone = true));
    const durations: number[] = [];
    while (!isDone) {
      const startedMs = performance.now();
      assert.ok((await callDaemon(testEnv.socketPath, 'token', {})).result);
      durations.push(performance.now() - startedMs);
    }
    await done;
    return durations;
  }

  /** With sixteen scrapes at a time. */
  async function scrape(count: number): Promise<void> {
    let remaining = count;
    const scrapeNext = async (): Promise<void> => {
      while (remaining > 0) {
        remaining -= 1;
        assert.equal(await scrapeOnce(), 200);
      }
    };
    await Promise.all(Array.from({ length: 16 }, scrapeNext));
  }

  function scrapeOnce(): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      get(new URL('/metrics', address), { agent: false }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode));
      }).once('error', reject);
    });
  }

  /** Call it after many requests: the daemon returns their garbage, which would hide a leak. */
  async function readSettledBytes(): Promise<number> {
    const readCollections = (): number => testEnv.readLog().split('returned free memory').length;
    const before = readCollections();
    await waitUntil(() => readCollections() > before, 'the daemon returns memory to the system');
    return readResidentBytes();
  }

  function readResidentBytes(): number {
    const [, pages = ''] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
    return Number(pages) * 4_096;
  }

  it('19.4: refuses a credential to a peer without the address of systemd, and logs that', async () => {
    const path = join(dirname(testEnv.socketPath), 'credential.sock');
    assert.equal(await readCredential(path), null);
    assert.match(testEnv.readLog(), /gave no token to a peer: its address names no unit/);
    await testEnv.stopDaemon();
    assert.ok(!existsSync(path));
  });
});
