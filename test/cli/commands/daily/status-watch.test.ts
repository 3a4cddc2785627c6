import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ProfileStatus } from '../../../../src/protocol/method-types.ts';
import { respondWith, ScriptedDaemon, type ScriptedPeer } from '../../../support/daemon/scripted-daemon.ts';
import { runInTerminal } from '../../../support/processes/pseudo-terminal.ts';
import { buildCleanEnv, clientBundle } from '../../../support/processes/run-cli.ts';
import { daemonStatus, failingProfile, workProfile } from './status-fixtures.ts';

describe('iam-token status --watch', () => {
  let daemon: ScriptedDaemon;
  const statusResult = { daemon: daemonStatus, profiles: [workProfile], next: null };

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({ status: statusResult, subscribe: {} }));
  });
  afterEach(() => daemon.close());

  /** Runs the command without a terminal, and calls `onLine` for each line. */
  async function watch(args: readonly string[], onLine: (line: string, kill: () => void) => void) {
    const child = spawn(process.execPath, [clientBundle, 'status', '--watch', ...args], {
      env: buildCleanEnv({ socket: daemon.socketPath }),
    });
    let stdout = '';
    let stderr = '';
    child.stderr.on('data', (piece: Buffer) => {
      stderr += piece.toString();
    });
    child.stdout.on('data', (piece: Buffer) => {
      stdout += piece.toString();
      for (const line of piece.toString().split('\n').filter(Boolean)) onLine(line, () => child.kill());
    });
    const code = await new Promise((resolve) => {
      child.once('close', resolve);
    });
    return { lines: stdout.split('\n').filter(Boolean), stderr, code };
  }

  it('prints a line for each change, and exits with 3 when the daemon stops', async () => {
    let watcherPeer: ScriptedPeer | undefined;
    let currentProfiles: readonly ProfileStatus[] = [workProfile];
    let requestCount = 0;
    daemon.setScript((request, peer) => {
      watcherPeer = peer;
      if (request.method === 'subscribe') return peer.respond(request, {});
      requestCount += 1;
      return peer.respond(request, { ...statusResult, profiles: currentProfiles });
    });
    const laterExpiry = '2026-11-24T23:00:00.000Z';
    const { lines, stderr, code } = await watch([], (line) => {
      if (line.startsWith('work ok until 2026-11-24T22')) {
        currentProfiles = [{ ...workProfile, timeLeftMs: 5, expiresAt: laterExpiry }, failingProfile];
        watcherPeer?.send('rotated', { profile: 'work' });
      } else if (line.startsWith('home failing')) {
        currentProfiles = [
          { ...workProfile, expiresAt: laterExpiry, nextRenewalAt: laterExpiry, attemptsInHour: 7 },
        ];
        watcherPeer?.send('failing', { profile: 'home' });
      } else if (line.startsWith('home gone')) {
        watcherPeer?.end();
      }
    });
    assert.deepEqual(lines, [
      'work ok until 2026-11-24T22:04:05.000Z',
      'work ok until 2026-11-24T23:00:00.000Z',
      'home failing until 2026-11-24T22:04:05.000Z IAM does not answer',
      'home gone',
    ]);
    assert.match(stderr, /^iam-token: error: the daemon closed the connection$/m);
    assert.equal(code, 3);
    assert.ok(requestCount >= 3);
  });

  it('updates at each event, before the second is over', async function () {
    this.timeout(10_000);
    const events = 30;
    let requestCount = 0;
    daemon.setScript((request, peer) => {
      if (request.method === 'subscribe') return peer.respond(request, {});
      requestCount += 1;
      peer.respond(request, { ...statusResult, profiles: [{ ...workProfile, profile: `${requestCount}` }] });
      return requestCount === events ? peer.end() : peer.send('rotated', { profile: 'work' });
    });
    const { lines } = await watch([], () => {});
    assert.ok(lines.includes(`${events} ok until 2026-11-24T22:04:05.000Z`));
  });

  it('updates each second without events', async () => {
    let requestCount = 0;
    daemon.setScript((request, peer) => {
      if (request.method === 'subscribe') return peer.respond(request, {});
      requestCount += 1;
      return peer.respond(request, {
        ...statusResult,
        profiles: [requestCount === 1 ? workProfile : failingProfile],
      });
    });
    const { lines } = await watch([], (line, kill) => {
      if (line.startsWith('work gone')) kill();
    });
    assert.equal(lines.length, 3);
  });

  it('prints each change as JSON with --json, and watches one profile with --profile', async () => {
    const { lines } = await watch(['--json', '--profile', 'work'], (_, kill) => kill());
    assert.deepEqual(lines, [JSON.stringify(workProfile)]);
    assert.deepEqual(
      daemon.requests.map(({ method, params }) => [method, params]),
      [
        ['subscribe', { profile: 'work' }],
        ['status', { profile: 'work' }],
      ],
    );
  });

  it('redraws in place on a terminal, within its size', async () => {
    const manyProfiles = Array.from({ length: 9 }, (_, index) => ({
      ...workProfile,
      profile: `profile${index}`,
      endpoint: `https://${'x'.repeat(200)}.example`,
    }));
    let requestCount = 0;
    daemon.setScript((request, peer) => {
      if (request.method === 'subscribe') return peer.respond(request, {});
      requestCount += 1;
      peer.respond(request, { ...statusResult, profiles: manyProfiles });
      if (requestCount < 3) peer.send('rotated', { profile: 'work' });
      return undefined;
    });
    const { screen, code } = await runInTerminal(
      ['status', '--watch'],
      [{ expect: '\x1b[23A\r\x1b[J', type: ['\x03'] }],
      { socket: daemon.socketPath },
    );
    // oxlint-disable-next-line no-control-regex -- escape sequences of colours
    const first = screen.replaceAll(/\x1b\[\d+m/g, '').split('\x1b[23A')[0] ?? '';
    const lines = first.split('\r\n').slice(0, -1);
    assert.equal(lines.length, 23);
    assert.ok(lines.every((line) => line.length <= 79));
    assert.equal(code, -2);
  });
});
