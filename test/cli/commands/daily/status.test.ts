import assert from 'node:assert/strict';
import { respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { runInTerminal } from '../../../support/processes/pseudo-terminal.ts';
import { runCli } from '../../../support/processes/run-cli.ts';
import { daemonStatus, failingProfile, workProfile } from './status-fixtures.ts';

describe('iam-token status', () => {
  let daemon: ScriptedDaemon;
  const statusResult = { daemon: daemonStatus, profiles: [workProfile], next: null };

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({ status: statusResult, subscribe: {} }));
  });
  afterEach(() => daemon.close());

  it('prints the text without colours to a pipe', async () => {
    const { stdout, stderr, code } = await runCli(['status'], { socket: daemon.socketPath });
    assert.match(stdout, /^work \(default\) {3}account aje0ada\n {2}token {9}(?:valid|expired) /);
    assert.deepEqual([stderr, code], ['', 0]);
  });

  it('prints colours on a terminal, unless NO_COLOR or TERM=dumb is set', async () => {
    const socket = daemon.socketPath;
    const styledRun = await runInTerminal(['status'], [], { socket });
    assert.ok(
      styledRun.screen.startsWith(
        '\x1b[1mwork\x1b[0m (default)   account aje0ada\r\n  token         \x1b[32mvalid for 12 h',
      ),
    );
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const { screen } = await runInTerminal(['status'], [], { socket, env });
      assert.ok(
        screen.startsWith('work (default)   account aje0ada\r\n  token         valid for 12 h'),
        JSON.stringify(env),
      );
    }
    assert.ok(
      (await runInTerminal(['status'], [], { socket, env: { NO_COLOR: '' } })).screen.includes('\x1b[32m'),
    );
  });

  it('requests one profile with --profile, and all otherwise, even with IAM_TOKEND_PROFILE', async () => {
    const options = { socket: daemon.socketPath, env: { IAM_TOKEND_PROFILE: 'home' } };
    await runCli(['status', '--profile', 'work'], options);
    await runCli(['status'], options);
    assert.deepEqual(
      daemon.requests.map(({ params }) => params),
      [{ profile: 'work' }, {}],
    );
  });

  it('19.3: prints the metrics of all pages with --metrics, with a prefix for those of the process', async () => {
    const metrics = {
      requests: { token: { success: 12 } },
      connections: 4,
      waitingRequests: 0,
      accountIds: false,
      process: { cpuSeconds: 1, residentBytes: 2, heapUsedBytes: 3 },
    };
    daemon.setScript(
      respondWith({
        status: ({ after }: { readonly after?: string }) => ({
          daemon: { ...daemonStatus, metrics },
          ...(after === undefined
            ? { profiles: [failingProfile], next: 'home' }
            : { profiles: [workProfile], next: null }),
        }),
      }),
    );
    const { stdout, stderr, code } = await runCli(['status', '--metrics'], { socket: daemon.socketPath });
    assert.deepEqual([stderr, code], ['', 0]);
    for (const line of [
      'iam_tokend_token_remaining_seconds{profile="work"} 43445',
      'iam_tokend_renewal_failures{profile="home"} 12',
      'iam_tokend_requests_total{method="token",outcome="success"} 12',
      'iam_tokend_process_resident_memory_bytes 2',
    ])
      assert.ok(stdout.split('\n').includes(line), line);
    assert.doesNotMatch(stdout, /^process_/m);
    assert.match(stdout, /[^\n]\n$/);
    assert.deepEqual(
      daemon.requests.map(({ params }) => params),
      [{ metrics: true }, { after: 'home', metrics: true }],
    );
  });

  it('19.3: refuses --metrics together with --json or --watch', async () => {
    for (const option of ['--json', '--watch']) {
      const { stderr, code } = await runCli(['status', '--metrics', option], { socket: daemon.socketPath });
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(`--metrics and ${option} cannot be combined`));
    }
    assert.deepEqual(daemon.requests, []);
  });

  it('prints all pages as one line of JSON with --json', async () => {
    daemon.setScript(
      respondWith({
        status: ({ after }: { readonly after?: string }) =>
          after === undefined
            ? { ...statusResult, profiles: [failingProfile], next: 'home' }
            : { ...statusResult, profiles: [{ ...workProfile, mood: 'good' }], next: null },
      }),
    );
    assert.deepEqual(await runCli(['status', '--json'], { socket: daemon.socketPath }), {
      stdout: `${JSON.stringify({ daemon: daemonStatus, profiles: [failingProfile, workProfile] })}\n`,
      stderr: '',
      code: 0,
    });
  });
});
