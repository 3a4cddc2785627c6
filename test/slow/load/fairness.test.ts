import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LoadOptions, LoadReport } from '../../support/load/system-daemon.ts';
import { canRunAsOtherUser } from '../../support/processes/other-user.ts';
import { waitForExit } from '../../support/processes/process-result.ts';

const program = fileURLToPath(new URL('../../support/load/system-daemon.js', import.meta.url));
/** What the daemon may keep of a flood, such as compiled code. 5 to 7 MB on Node 20 to 26. */
const settledGrowthMb = 16;
/** The paths of a system-wide daemon are fixed: each run has its own file system there. */
const ownPaths = `
mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /var/log && mount -t tmpfs tmpfs /mnt &&
cp -a /etc /mnt && mount --bind /mnt/etc /etc && mount -t tmpfs tmpfs /run && exec "$@"`;

async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const command = ['-c', ownPaths, 'sh', process.execPath, program, JSON.stringify(options)];
  const child = spawn('unshare', ['--mount', 'sh', ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  const { code, stdout, stderr } = await waitForExit(child);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as LoadReport;
}

/** How much longer another user waits under the load: the 99th percentile, for open and for new connections. */
const slowdownOf = ({ quiet, loaded }: LoadReport): number =>
  Math.max(loaded.open.p99 / quiet.open.p99, loaded.fresh.p99 / quiet.fresh.p99);

/**
 * The promise of SECURITY.md. Other programs of the machine can slow down a run, so the best of three counts: without fair
 * turns, each takes thousands of times as long.
 */
async function runFairLoad(options: LoadOptions): Promise<LoadReport> {
  const reports: LoadReport[] = [];
  while (reports.length < 3 && reports.every((report) => slowdownOf(report) > 10)) {
    const report = await runLoad(options);
    assert.ok(report.maxRssMb < 256, `${report.maxRssMb} MB`);
    reports.push(report);
  }
  const [best] = reports.toSorted((a, b) => slowdownOf(a) - slowdownOf(b));
  assert.ok(best !== undefined && slowdownOf(best) <= 10, JSON.stringify(reports.map(slowdownOf)));
  return best;
}

describe('system-wide daemon under a flood of one user', function () {
  this.timeout(180_000);
  const status = { method: 'status' };

  before(function () {
    if (!canRunAsOtherUser()) this.skip();
  });

  const floods = {
    '100 connections with 1,000 requests each': {
      connections: 100,
      request: status,
      requestsPerConnection: 1_000,
      reading: 'none',
    },
    '2,000 connections with 1,050 requests each': {
      connections: 2_000,
      request: status,
      requestsPerConnection: 1_050,
      reading: 'none',
    },
    '900 connections that request and read without a pause': {
      connections: 900,
      request: status,
      requestsPerConnection: 100,
      reading: 'all',
    },
  } as const satisfies Readonly<Record<string, LoadOptions['flood']>>;
  for (const [title, flood] of Object.entries(floods)) {
    it(`D2: serves another user in at most ten times the usual time, during ${title}`, async () => {
      const report = await runFairLoad({ flood, durationMs: 8_000, rootCommands: ['status'] });
      assert.deepEqual(report.loaded.failures, []);
      assert.match(report.rootCommands['status'] ?? '', /^0 /);
    });
  }

  for (const title of [
    '2,000 connections with 1,050 requests each',
    '900 connections that request and read without a pause',
  ] as const) {
    it(`E9: gives memory back within a minute after ${title}`, async () => {
      const options = { flood: floods[title], durationMs: 5_000, rootCommands: [], settledGrowthMb };
      const report = await runLoad(options);
      const { quietRssMb, maxRssMb, settledRssMb } = report;
      assert.ok(
        settledRssMb <= quietRssMb + settledGrowthMb,
        `${quietRssMb} MB before, ${maxRssMb} MB during, ${settledRssMb} MB after`,
      );
      assert.deepEqual(report.afterwards.failures, []);
    });
  }

  it('D4: refuses no command of root while 22,000 requests of another user wait for IAM', async () => {
    const report = await runFairLoad({
      flood: {
        connections: 11,
        request: { method: 'token', params: { minTtlMs: 43_200_000 } },
        requestsPerConnection: 2_000,
        reading: 'all',
      },
      durationMs: 8_000,
      isIamHanging: true,
      rootCommands: ['status', 'lock', 'unlock', 'logout'],
    });
    for (const [command, outcome] of Object.entries(report.rootCommands))
      assert.match(outcome, /^0 /, `${command}: ${outcome}`);
  });
});
