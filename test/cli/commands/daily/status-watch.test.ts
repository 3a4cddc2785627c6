import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { formatStatus } from '../../../../src/cli/commands/daily/status/format-status.ts';
import type { ProfileStatus } from '../../../../src/protocol/method-types.ts';
import { respondWith, ScriptedDaemon, type ScriptedPeer } from '../../../support/daemon/scripted-daemon.ts';
import { runInTerminal } from '../../../support/processes/pseudo-terminal.ts';
import { buildCleanEnv, clientBundle, runCli } from '../../../support/processes/run-cli.ts';
import { useTemporaryFolder } from '../../../support/temporary-folder.ts';
import { daemonStatus, failingProfile, workProfile } from './status-fixtures.ts';

describe('iam-token status --watch', () => {
  const folder = useTemporaryFolder();
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

  it('prints a line for each change', async () => {
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
    const { lines, stderr } = await watch([], (line, kill) => {
      if (line.startsWith('work ok until 2026-11-24T22')) {
        currentProfiles = [{ ...workProfile, timeLeftMs: 5, expiresAt: laterExpiry }, failingProfile];
        watcherPeer?.send('rotated', { profile: 'work' });
      } else if (line.startsWith('home failing')) {
        currentProfiles = [
          { ...workProfile, expiresAt: laterExpiry, nextRenewalAt: laterExpiry, attemptsInHour: 7 },
        ];
        watcherPeer?.send('failing', { profile: 'home' });
      } else if (line.startsWith('home gone')) {
        kill();
      }
    });
    assert.deepEqual(lines, [
      'work ok until 2026-11-24T22:04:05.000Z',
      'work ok until 2026-11-24T23:00:00.000Z',
      'home failing until 2026-11-24T22:04:05.000Z IAM does not answer',
      'home gone',
    ]);
    assert.equal(stderr, '');
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
      return peer.send('rotated', { profile: 'work' });
    });
    const lastLine = `${events} ok until 2026-11-24T22:04:05.000Z`;
    const { lines } = await watch([], (line, kill) => {
      if (line === lastLine) kill();
    });
    assert.ok(lines.includes(lastLine));
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

  it('18.4: connects again whenever the daemon is restarted, and says once that it waits', async function () {
    this.timeout(20_000);
    const socketPath = join(folder(), 'ipc.sock');
    const restart = async (profile: string): Promise<void> => {
      await daemon.close();
      const profiles = [{ ...workProfile, profile }];
      daemon = await ScriptedDaemon.start(
        respondWith({ status: { ...statusResult, profiles }, subscribe: {} }),
        socketPath,
      );
    };
    await restart('first');
    const { lines, stderr } = await watch([], (line, kill) => {
      if (line.startsWith('first ok')) void restart('second');
      if (line.startsWith('second ok')) void restart('third');
      if (line.startsWith('third ok')) kill();
    });
    assert.deepEqual(
      lines.filter((line) => line.includes(' ok ')).map((line) => line.split(' ')[0]),
      ['first', 'second', 'third'],
    );
    const notes = stderr.split('\n').filter((line) => line.startsWith('iam-token: waiting for the daemon: '));
    assert.equal(notes.length, 2, stderr);
    assert.doesNotMatch(stderr, /error/);
  });

  it('18.4: exits with an error if there is no daemon at first, or none of the profile later', async () => {
    const missing = await runCli(['status', '--watch'], { socket: join(folder(), 'missing.sock') });
    assert.equal(missing.code, 3);
    assert.match(missing.stderr, /^iam-token: error: iam-tokend is not running/);
    let statusCount = 0;
    daemon.setScript((request, peer) => {
      if (request.method === 'subscribe') return peer.respond(request, {});
      statusCount += 1;
      if (statusCount === 1) return peer.respond(request, statusResult);
      return peer.fail(request, { code: 'unknown_profile', message: 'no profile "work"' });
    });
    const { stderr, code } = await watch(['--profile', 'work'], () => {});
    assert.deepEqual([stderr, code], ['iam-token: error: no profile "work"\n', 7]);
  });

  it('18.4: shows on a terminal that it waits for the daemon, and the status again afterwards', async function () {
    this.timeout(20_000);
    const socketPath = join(folder(), 'ipc.sock');
    const script = respondWith({ status: statusResult, subscribe: {} });
    const restart = async (): Promise<void> => {
      daemon = await ScriptedDaemon.start(script, socketPath);
    };
    await daemon.close();
    await restart();
    const { screen } = await runInTerminal(
      ['status', '--watch'],
      [
        { expect: 'valid for', perform: () => void daemon.close() },
        { expect: 'waiting for the daemon: iam-tokend is not running', perform: () => void restart() },
        { expect: 'A\r\x1b[J\x1b[1mwork', type: ['\x03'] },
      ],
      { socket: socketPath },
    );
    assert.match(screen, /waiting for the daemon: [^]*hint: [^]*work/);
  });

  describe('on a terminal', () => {
    const manyProfiles = Array.from({ length: 9 }, (_, index) => ({
      ...workProfile,
      profile: `profile${index}`,
      endpoint: `https://${'x'.repeat(200)}.example`,
    }));
    // oxlint-disable-next-line no-control-regex -- escape sequences of colours
    const plain = (screen: string): string => screen.replaceAll(/\x1b\[\d+m/g, '');
    const rowsOf = (drawing: string, columns: number): number =>
      drawing
        .split('\r\n')
        .slice(0, -1)
        .reduce((rows, line) => rows + Math.max(Math.ceil(line.length / columns), 1), 0);

    beforeEach(() => {
      let requestCount = 0;
      daemon.setScript((request, peer) => {
        if (request.method === 'subscribe') return peer.respond(request, {});
        requestCount += 1;
        peer.respond(request, { ...statusResult, profiles: manyProfiles });
        if (requestCount < 3) peer.send('rotated', { profile: 'work' });
        return undefined;
      });
    });

    it('18.4: redraws in place within its size, and says how many lines are left out', async () => {
      const { screen, code } = await runInTerminal(
        ['status', '--watch'],
        [{ expect: '\x1b[23A\r\x1b[J', type: ['\x03'] }],
        { socket: daemon.socketPath },
      );
      const first = plain(screen).split('\x1b[23A')[0] ?? '';
      assert.equal(rowsOf(first, 80), 23);
      const lines = first.split('\r\n').slice(0, -1);
      const allLines = formatStatus(
        { daemon: daemonStatus, profiles: manyProfiles },
        Date.now(),
        (_, text) => text,
        80,
      );
      const omittedCount = allLines.length - (lines.length - 1);
      assert.equal(lines.at(-1), `… ${omittedCount} more lines; enlarge the terminal to see them`);
      assert.deepEqual(
        lines.slice(1, 10).map((line) => line.slice(2, 10)),
        manyProfiles.map(({ profile }) => profile),
      );
      assert.equal(code, -2);
    });

    it('18.4: shows what fits after the terminal got another size', async () => {
      const { screen } = await runInTerminal(
        ['status', '--watch'],
        [
          { expect: '\x1b[23A\r\x1b[J', resize: { columns: 60, rows: 14 } },
          { expect: '\x1b[13A\r\x1b[J', type: ['\x03'] },
        ],
        { socket: daemon.socketPath },
      );
      const last = plain(screen).split('\x1b[13A')[0]?.split('\x1b[J').at(-1) ?? '';
      assert.equal(rowsOf(last, 60), 13);
      assert.match(last, /more lines; enlarge the terminal to see them\r\n$/);
    });
  });
});
