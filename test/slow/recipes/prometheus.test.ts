import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { root } from '../../conventions/source-tree.ts';
import { callDaemon } from '../../support/daemon/call-daemon.ts';
import { readBlocks, readCommandBlocks } from '../../support/documents.ts';
import { closeServer, listenOnLoopback } from '../../support/network/loopback.ts';
import { waitForExit } from '../../support/processes/process-result.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { oauthToken, startTestEnvironment, type TestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

const rulesFolder = join(root, 'scripts/prometheus');
const rulesFile = join(rulesFolder, 'iam-tokend.rules.yaml');
const alertName = 'IamTokenExpiresAndRenewalFails';

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly endsAt: string;
}

describe('Prometheus', function () {
  this.timeout(60_000);
  const folder = useTemporaryFolder();
  let testEnv: TestEnvironment;

  beforeEach(async function () {
    if (!existsSync('/usr/bin/promtool')) this.skip();
    // Less than the half hour of the alert.
    testEnv = await startTestEnvironment({
      store: 'memory',
      config: 'metrics: { listen: 127.0.0.1:0 }\n',
      lifetimeMs: 25 * 60_000,
    });
    await testEnv.startDaemon();
  });
  afterEach(() => testEnv?.stop());

  function runPromtool(args: readonly string[], input = ''): string {
    const { status, stdout, stderr } = spawnSync('promtool', args, {
      cwd: rulesFolder,
      input,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout + stderr);
    return stdout;
  }
  async function logIn(): Promise<void> {
    const { code, stderr } = await testEnv.iamToken(['login', '--stdin', '--profile', 'a "b"'], oauthToken);
    assert.equal(code, 0, stderr);
  }

  it('19.3: accepts the alerts, which fire and clear as they say', () => {
    assert.match(runPromtool(['check', 'rules', 'iam-tokend.rules.yaml']), /SUCCESS: 6 rules found/);
    runPromtool(['test', 'rules', 'iam-tokend.rules.test.yaml']);
  });

  it('19.3: accepts the metrics of both forms, without a complaint', async () => {
    await logIn();
    const { result } = await callDaemon(testEnv.socketPath, 'status', {});
    const response = await fetch(`http://${result?.daemon.metricsAddress}/metrics`);
    runPromtool(['check', 'metrics'], await response.text());
    runPromtool(['check', 'metrics'], (await testEnv.iamToken(['status', '--metrics'])).stdout);
  });

  it('19.3: gets the metrics for node_exporter by the commands of the recipe', async () => {
    await logIn();
    const [commands = ''] = readCommandBlocks('Prometheus');
    const program = join(root, 'dist/bin/iam-token.js');
    const script = commands
      .replaceAll('/var/lib/prometheus/node-exporter', folder())
      .replace('iam-token status', `${process.execPath} ${program} status`);
    const child = spawn('sh', ['-e', '-c', script], { env: testEnv.environment });
    assert.equal((await waitForExit(child)).code, 0);
    const text = spawnSync('cat', [join(folder(), 'iam-tokend.prom')], { encoding: 'utf8' }).stdout;
    assert.match(text, /^iam_tokend_process_cpu_seconds_total /m);
  });

  describe('with an Alertmanager', () => {
    let alertmanager: Server;
    let prometheus: ChildProcess;
    let lastAlerts: readonly Alert[];

    beforeEach(async () => {
      await logIn();
      lastAlerts = [];
      alertmanager = createServer((request, response) => {
        let body = '';
        request.on('data', (chunk) => (body += String(chunk)));
        request.on('end', () => {
          if (request.url === '/api/v2/alerts') lastAlerts = JSON.parse(body) as readonly Alert[];
          response.end('{}');
        });
      });
      const port = await listenOnLoopback(alertmanager);
      const { result } = await callDaemon(testEnv.socketPath, 'status', {});
      const [scrapeConfig = ''] = readBlocks('Prometheus', 'yaml');
      const config = `
global: { scrape_interval: 1s, evaluation_interval: 1s }
alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:${port}'] }] }] }
${scrapeConfig.replace('iam-tokend.rules.yaml', rulesFile).replace('127.0.0.1:9464', result?.daemon.metricsAddress ?? '')}`;
      const configFile = join(folder(), 'prometheus.yml');
      writeFileSync(configFile, config);
      const options = [
        `--config.file=${configFile}`,
        `--storage.tsdb.path=${join(folder(), 'data')}`,
        '--web.listen-address=127.0.0.1:0',
      ];
      prometheus = spawn('prometheus', options, { stdio: 'ignore' });
    });
    afterEach(async () => {
      const exited = once(prometheus, 'exit');
      prometheus.kill();
      await exited;
      await closeServer(alertmanager);
    });

    const findAlert = (): Alert | undefined =>
      lastAlerts.find(({ labels }) => labels['alertname'] === alertName);
    const isFiring = (): boolean => Date.parse(findAlert()?.endsAt ?? '') > Date.now();
    const isCleared = (): boolean => Date.parse(findAlert()?.endsAt ?? '') <= Date.now();
    const countScrapes = async (): Promise<number> => {
      const { result } = await callDaemon(testEnv.socketPath, 'status', { metrics: true });
      return result?.daemon.metrics?.requests['status']?.['success'] ?? 0;
    };

    it('19.3: fires the alert in an outage of IAM, and clears it after the first renewal', async () => {
      const before = await countScrapes();
      // This polls by the same method.
      let polls = 0;
      await waitUntil(
        async () => (await countScrapes()) - before > (polls += 1) + 2,
        'Prometheus scrapes before the outage',
        20_000,
      );
      assert.equal(findAlert(), undefined, 'a token that is renewed causes no alert, however short');
      testEnv.emulator.setFault({ kind: 'unavailable' });
      assert.equal((await testEnv.iamToken(['refresh'])).code, 5);
      await waitUntil(isFiring, 'the alert fires', 20_000);
      const { labels, annotations } = findAlert() ?? assert.fail();
      assert.deepEqual([labels['profile'], labels['severity']], ['a "b"', 'critical']);
      assert.match(
        annotations['summary'] ?? '',
        /^The IAM token of the profile a "b" expires in 2\dm \S+, and renewal fails$/,
      );
      testEnv.emulator.setFault(null);
      assert.equal((await testEnv.iamToken(['refresh'])).code, 0);
      await waitUntil(isCleared, 'the alert clears', 20_000);
    });
  });
});
