import type * as Prometheus from 'prom-client';
import type { CounterConfiguration, GaugeConfiguration, Registry } from 'prom-client';
import type { FullStatus } from '../../protocol/collect-pages.ts';
import type {
  DaemonMetrics,
  DaemonStatus,
  ProfileMetrics,
  ProfileStatus,
} from '../../protocol/method-types.ts';
import { profileStates } from '../../protocol/profile-states.ts';

export interface MetricsOptions {
  /** Before `process_…`: node_exporter has metrics of these names itself, and refuses others. */
  readonly processPrefix?: string;
}

/** A value and its labels, in the order of the label names. */
type Sample = readonly [value: number, ...labels: readonly string[]];

/**
 * In Prometheus' text format, version 0.0.4. Numbers that an older daemon does not return are absent.
 * prom-client is loaded at the first call.
 */
export async function renderMetrics(
  { daemon, profiles }: FullStatus,
  { processPrefix = '' }: MetricsOptions = {},
): Promise<string> {
  const prometheus = await import('prom-client');
  // One registry for each text: profiles come and go, and a label that is gone must not stay.
  const registry = new prometheus.Registry();
  const metrics = new MetricWriter(registry, prometheus);
  addDaemon(metrics, daemon);
  addProfiles(metrics, profiles);
  if (daemon.metrics !== undefined) {
    addRequests(metrics, daemon.metrics);
    addProcess(metrics, daemon.metrics.process, daemon.startedAt, processPrefix);
    if (daemon.metrics.accountIds) addAccounts(metrics, profiles);
  }
  return registry.metrics();
}

class MetricWriter {
  readonly #registry: Registry;
  readonly #prometheus: typeof Prometheus;

  constructor(registry: Registry, prometheus: typeof Prometheus) {
    this.#registry = registry;
    this.#prometheus = prometheus;
  }

  gauge(name: string, help: string, labelNames: readonly string[], samples: readonly Sample[]): void {
    const gauge = new this.#prometheus.Gauge(this.#configure(name, help, labelNames));
    for (const [value, ...labels] of samples) gauge.set(combineLabels(labelNames, labels), value);
  }

  counter(name: string, help: string, labelNames: readonly string[], samples: readonly Sample[]): void {
    const counter = new this.#prometheus.Counter(this.#configure(name, help, labelNames));
    for (const [value, ...labels] of samples) counter.inc(combineLabels(labelNames, labels), value);
  }

  #configure(
    name: string,
    help: string,
    labelNames: readonly string[],
  ): GaugeConfiguration<string> & CounterConfiguration<string> {
    return { name, help, labelNames: [...labelNames], registers: [this.#registry] };
  }
}

function combineLabels(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}

function addDaemon(metrics: MetricWriter, { version, locked, store }: DaemonStatus): void {
  metrics.gauge('iam_tokend_info', 'The version of the daemon; always 1.', ['version'], [[1, version]]);
  metrics.gauge('iam_tokend_locked', '1 from iam-token lock to unlock.', [], [[locked === true ? 1 : 0]]);
  metrics.gauge(
    'iam_tokend_store_open',
    '1 while the store of the credentials is open.',
    ['store'],
    [[store.state === 'open' ? 1 : 0, store.kind]],
  );
}

function addProfiles(metrics: MetricWriter, profiles: readonly ProfileStatus[]): void {
  const gauge = (name: string, help: string, valueOf: (profile: ProfileStatus) => number): void =>
    metrics.gauge(
      name,
      help,
      ['profile'],
      profiles.map((each) => [valueOf(each), each.profile]),
    );
  gauge(
    'iam_tokend_token_remaining_seconds',
    'Seconds until the IAM token expires, by the clock of IAM; 0 without a valid token.',
    ({ timeLeftMs }) => Math.max(timeLeftMs ?? 0, 0) / 1_000,
  );
  gauge(
    'iam_tokend_token_expiry_timestamp_seconds',
    'When the IAM token expires; 0 without a token.',
    ({ expiresAt }) => secondsOf(expiresAt),
  );
  gauge(
    'iam_tokend_renewal_failures',
    'Failed exchanges since the last success.',
    ({ trouble }) => trouble?.count ?? 0,
  );
  metrics.gauge(
    'iam_tokend_profile_state',
    '1 for the current state of the profile, 0 for the others.',
    ['profile', 'state'],
    profiles.flatMap(({ profile, state }) =>
      profileStates.map((each): Sample => [each === state ? 1 : 0, profile, each]),
    ),
  );
  metrics.counter(
    'iam_tokend_exchanges_total',
    'Exchanges of the credential for a token, by outcome.',
    ['profile', 'outcome'],
    profiles.flatMap(({ profile, metrics: { exchanges = {} } = noMetrics }) =>
      Object.entries(exchanges).map(([outcome, count]): Sample => [count, profile, outcome]),
    ),
  );
  metrics.gauge(
    'iam_tokend_last_success_timestamp_seconds',
    'The last successful exchange since the daemon started; 0 without one.',
    ['profile'],
    profiles.flatMap(({ profile, metrics: numbers }): Sample[] =>
      numbers === undefined ? [] : [[secondsOf(numbers.lastSuccessAt), profile]],
    ),
  );
}

const noMetrics: Partial<ProfileMetrics> = {};

function addAccounts(metrics: MetricWriter, profiles: readonly ProfileStatus[]): void {
  metrics.gauge(
    'iam_tokend_profile_account',
    'The account that the token of the profile belongs to; always 1.',
    ['profile', 'account'],
    profiles.flatMap(({ profile, subject }): Sample[] => (subject === null ? [] : [[1, profile, subject]])),
  );
}

function addRequests(metrics: MetricWriter, { requests, connections, waitingRequests }: DaemonMetrics): void {
  metrics.counter(
    'iam_tokend_requests_total',
    'Responses, over all sockets, by method and outcome: success or an error code.',
    ['method', 'outcome'],
    Object.entries(requests).flatMap(([method, outcomes]) =>
      Object.entries(outcomes).map(([outcome, count]): Sample => [count, method, outcome]),
    ),
  );
  metrics.gauge('iam_tokend_connections', 'Open connections to ipc.sock.', [], [[connections]]);
  metrics.gauge('iam_tokend_waiting_requests', 'Requests that wait for a result.', [], [[waitingRequests]]);
}

/** Names as in Prometheus' own client libraries. */
function addProcess(
  metrics: MetricWriter,
  usage: DaemonMetrics['process'],
  startedAt: string,
  prefix: string,
): void {
  const gauge = (name: string, help: string, value: number | undefined): void =>
    metrics.gauge(`${prefix}${name}`, help, [], value === undefined ? [] : [[value]]);
  metrics.counter(
    `${prefix}process_cpu_seconds_total`,
    'CPU time of the daemon in seconds.',
    [],
    [[usage.cpuSeconds]],
  );
  gauge('process_start_time_seconds', 'When the daemon started.', secondsOf(startedAt));
  gauge('process_resident_memory_bytes', 'Resident memory of the daemon.', usage.residentBytes);
  gauge('process_open_fds', 'Open file descriptors of the daemon.', usage.openDescriptors);
  gauge('process_max_fds', 'The limit of open file descriptors.', usage.maxDescriptors);
  gauge('nodejs_heap_size_used_bytes', 'Used heap of the daemon.', usage.heapUsedBytes);
}

function secondsOf(timestamp: string | null): number {
  return timestamp === null ? 0 : Date.parse(timestamp) / 1_000;
}
