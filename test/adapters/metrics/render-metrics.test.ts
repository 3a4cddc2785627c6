import assert from 'node:assert/strict';
import { renderMetrics } from '../../../src/adapters/metrics/render-metrics.ts';
import type { FullStatus } from '../../../src/protocol/collect-pages.ts';
import { readProcessUsage } from '../../../src/adapters/metrics/process-usage.ts';
import { daemonStatus, failingProfile, workProfile } from '../../cli/commands/daily/status-fixtures.ts';

const exchanges = { success: 3, transient: 1, terminal: 0, interaction_required: 0 };
const status: FullStatus = {
  daemon: {
    ...daemonStatus,
    metrics: {
      requests: { token: { success: 12, unavailable: 2 }, invalid: { bad_request: 1 } },
      connections: 4,
      waitingRequests: 1,
      accountIds: false,
      process: {
        cpuSeconds: 0.25,
        residentBytes: 60_000_000,
        heapUsedBytes: 8_000_000,
        openDescriptors: 21,
        maxDescriptors: 1_024,
      },
    },
  },
  profiles: [
    { ...workProfile, metrics: { exchanges, lastSuccessAt: '2026-11-24T10:04:05.000Z' } },
    { ...failingProfile, metrics: { exchanges: { ...exchanges, success: 0 }, lastSuccessAt: null } },
  ],
};

function withDaemonMetrics(changes: Partial<NonNullable<FullStatus['daemon']['metrics']>>): FullStatus {
  const { metrics = assert.fail() } = status.daemon;
  return { ...status, daemon: { ...status.daemon, metrics: { ...metrics, ...changes } } };
}

describe('the metrics', () => {
  it('19.3: show each profile: seconds to expiry, state, exchanges by outcome, last success', async () => {
    const lines = (await renderMetrics(status)).split('\n');
    for (const line of [
      'iam_tokend_token_remaining_seconds{profile="work"} 43445',
      'iam_tokend_token_remaining_seconds{profile="home"} 0',
      `iam_tokend_token_expiry_timestamp_seconds{profile="work"} ${Date.UTC(2026, 10, 24, 22, 4, 5) / 1_000}`,
      'iam_tokend_renewal_failures{profile="work"} 0',
      'iam_tokend_renewal_failures{profile="home"} 12',
      'iam_tokend_profile_state{profile="work",state="ok"} 1',
      'iam_tokend_profile_state{profile="work",state="failing"} 0',
      'iam_tokend_profile_state{profile="home",state="failing"} 1',
      'iam_tokend_exchanges_total{profile="work",outcome="success"} 3',
      'iam_tokend_exchanges_total{profile="work",outcome="terminal"} 0',
      'iam_tokend_exchanges_total{profile="home",outcome="transient"} 1',
      `iam_tokend_last_success_timestamp_seconds{profile="work"} ${Date.UTC(2026, 10, 24, 10, 4, 5) / 1_000}`,
      'iam_tokend_last_success_timestamp_seconds{profile="home"} 0',
      '# TYPE iam_tokend_exchanges_total counter',
      '# TYPE iam_tokend_token_remaining_seconds gauge',
    ])
      assert.ok(lines.includes(line), line);
  });

  it('19.3: show the daemon: requests by method and outcome, connections, waiting requests, store, process', async () => {
    const lines = (await renderMetrics(status)).split('\n');
    for (const line of [
      `iam_tokend_info{version="${daemonStatus.version}"} 1`,
      'iam_tokend_locked 0',
      'iam_tokend_store_open{store="keychain"} 1',
      'iam_tokend_requests_total{method="token",outcome="success"} 12',
      'iam_tokend_requests_total{method="token",outcome="unavailable"} 2',
      'iam_tokend_requests_total{method="invalid",outcome="bad_request"} 1',
      'iam_tokend_connections 4',
      'iam_tokend_waiting_requests 1',
      'process_cpu_seconds_total 0.25',
      `process_start_time_seconds ${Date.UTC(2026, 10, 24, 8) / 1_000}`,
      'process_resident_memory_bytes 60000000',
      'process_open_fds 21',
      'process_max_fds 1024',
      'nodejs_heap_size_used_bytes 8000000',
    ])
      assert.ok(lines.includes(line), line);
    assert.ok(!lines.some((line) => line.includes('eventloop')));
  });

  it('19.3: name no account unless asked for', async () => {
    assert.ok(!(await renderMetrics(status)).includes('aje0ada'));
    const text = await renderMetrics(withDaemonMetrics({ accountIds: true }));
    assert.match(text, /^iam_tokend_profile_account\{profile="work",account="aje0ada"\} 1$/m);
    assert.doesNotMatch(text, /profile_account\{profile="home"/);
  });

  it('19.3: escape quotes, backslashes and line ends in the name of a profile', async () => {
    const [profile = assert.fail()] = status.profiles;
    const text = await renderMetrics({ ...status, profiles: [{ ...profile, profile: 'a"b\\c\nd} 7' }] });
    assert.ok(text.includes(String.raw`{profile="a\"b\\c\nd} 7"} 43445`), text);
    assert.ok(
      text.split('\n').every((line) => line === '' || /^(?:# |\w+(?:\{.*\})? [\d.]+(?:e\+\d+)?$)/.test(line)),
    );
  });

  it('keep profiles with similar names apart', async () => {
    const [profile = assert.fail()] = status.profiles;
    const names = ['a', 'a,state:ok', 'a"', 'constructor', '__proto__'];
    const profiles = names.map((name, index) => ({ ...profile, profile: name, timeLeftMs: index * 1_000 }));
    const text = await renderMetrics({ ...status, profiles });
    assert.deepEqual(
      [...text.matchAll(/^iam_tokend_token_remaining_seconds\{profile="(.*)"\} (\d)$/gm)].map(
        ([, name, value]) => [name?.replace('\\"', '"'), Number(value)],
      ),
      names.map((name, index) => [name, index]),
    );
  });

  it('have another prefix for the process where a collector has its own process metrics', async () => {
    const text = await renderMetrics(status, { processPrefix: 'iam_tokend_' });
    assert.match(text, /^iam_tokend_process_resident_memory_bytes 60000000$/m);
    assert.doesNotMatch(text, /^(?:process|nodejs)_/m);
  });

  it('lack what an older daemon does not count', async () => {
    const text = await renderMetrics({ daemon: daemonStatus, profiles: [workProfile] });
    assert.match(text, /^iam_tokend_token_remaining_seconds\{profile="work"\} 43445$/m);
    assert.doesNotMatch(text, /^iam_tokend_(?:exchanges_total|connections|last_success\w+)[{ ]/m);
  });

  it('read what this process uses, without a timer', () => {
    const resources = process.getActiveResourcesInfo().length;
    const usage = readProcessUsage();
    assert.ok(usage.residentBytes > usage.heapUsedBytes && usage.heapUsedBytes > 1_000_000);
    assert.ok(usage.cpuSeconds > 0);
    if (process.platform === 'linux') {
      assert.ok(
        (usage.openDescriptors ?? 0) > 3 && (usage.maxDescriptors ?? 0) >= (usage.openDescriptors ?? 0),
      );
    }
    assert.ok(process.getActiveResourcesInfo().length <= resources);
  });
});
