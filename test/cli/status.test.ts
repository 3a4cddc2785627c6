import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { statusLines } from '../../src/cli/status-text.ts';
import type { DaemonStatus, ProfileStatus } from '../../src/protocol/messages.ts';
import { runInTerminal } from '../support/pseudo-terminal.ts';
import { bundle, cleanEnv, runCli } from '../support/run-cli.ts';
import { answering, ScriptedDaemon, type ScriptedPeer } from '../support/scripted-daemon.ts';

const daemonStatus: DaemonStatus = {
  version: '0.1.0',
  pid: 4242,
  startedAt: '2026-11-24T08:00:00.000Z',
  store: { kind: 'keychain', state: 'open', problem: null },
};

const work: ProfileStatus = {
  profile: 'work',
  isDefault: true,
  kind: 'oauth',
  endpoint: 'https://iam.api.cloud.yandex.net',
  state: 'ok',
  subject: 'aje0ada',
  expiresAt: '2026-11-24T22:04:05.000Z',
  timeLeftMs: 43_445_000,
  nextRenewalAt: '2026-11-24T10:42:00.000Z',
  problem: null,
  trouble: null,
  successesInHour: 1,
  attemptsInHour: 1,
  clockOffsetMs: 0,
};

const failing: ProfileStatus = {
  ...work,
  profile: 'home',
  isDefault: false,
  state: 'failing',
  subject: null,
  timeLeftMs: 0,
  nextRenewalAt: '2026-11-24T09:59:59.000Z',
  problem: { code: 'unavailable', message: 'IAM does not answer', hint: 'iam-token refresh' },
  trouble: {
    message: 'IAM does not answer',
    since: '2026-11-24T09:30:00.000Z',
    lastAt: '2026-11-24T09:59:20.000Z',
    count: 12,
  },
  successesInHour: 0,
  attemptsInHour: 13,
  clockOffsetMs: -180_000,
};

const refused: ProfileStatus = {
  ...work,
  profile: 'e\x1bvil',
  isDefault: false,
  state: 'login_required',
  expiresAt: null,
  timeLeftMs: null,
  nextRenewalAt: null,
  problem: { code: 'login_required', message: 'the token\nwas revoked' },
  trouble: {
    message: 'another reason',
    since: '2026-11-24T09:59:20.000Z',
    lastAt: '2026-11-24T09:59:20.000Z',
    count: 1,
  },
  attemptsInHour: 0,
  successesInHour: 0,
  clockOffsetMs: 90_000,
};

const nowMs = Date.parse('2026-11-24T10:00:00.000Z');
const plain = (_: unknown, text: string): string => text;

describe('the text of status', () => {
  const zone = process.env['TZ'];
  before(() => {
    process.env['TZ'] = 'UTC';
  });
  after(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });

  it('is a calm block for each profile, and one for the daemon', () => {
    const lines = statusLines({ daemon: daemonStatus, profiles: [work, failing, refused] }, nowMs, plain);
    assert.equal(
      lines.join('\n'),
      `work (default)
  state         ok
  subject       aje0ada
  token         lives 12 h 4 min more, until 2026-11-24 22:04:05
  next renewal  in 42 min, at 2026-11-24 10:42:00
  this hour     1 of 1 exchanges succeeded
  credential    oauth, for https://iam.api.cloud.yandex.net

home
  state         renewal fails; it will be tried again
  subject       unknown
  token         expired 2026-11-24 22:04:05
  next renewal  now
  problem       IAM does not answer
  what to do    iam-token refresh
  last failure  40 s ago, the 12th since 2026-11-24 09:30:00
  this hour     0 of 13 exchanges succeeded
  credential    oauth, for https://iam.api.cloud.yandex.net
  clock         3 min ahead of the clock of Yandex Cloud

e\\u{1b}vil
  state         login required
  subject       aje0ada
  token         none
  problem       the token\\u{a}was revoked
  last failure  40 s ago: another reason
  this hour     0 of 0 exchanges succeeded
  credential    oauth, for https://iam.api.cloud.yandex.net
  clock         1 min 30 s behind the clock of Yandex Cloud

daemon
  version       0.1.0
  process       4242, for 2 h
  manager       none
  store         keychain, open`,
    );
  });

  it('says of a token in its last minute that nobody gets it', () => {
    const lines = statusLines(
      { daemon: daemonStatus, profiles: [{ ...work, timeLeftMs: 52_000 }] },
      nowMs,
      plain,
    );
    assert.ok(lines.includes('  token         given out no more: it ends in 52 s'));
  });

  it('says whom a profile acts as, its cloud and folder, and what is coming', () => {
    const scoped: ProfileStatus = {
      ...work,
      kind: 'service-account-key',
      impersonateServiceAccountId: 'ajesa',
      cloudId: 'b1gcloud',
      folderId: 'b1g\x1bfolder',
      notice: 'it ends with the year',
    };
    const lines = statusLines({ daemon: daemonStatus, profiles: [scoped] }, nowMs, plain);
    assert.deepEqual(lines.slice(6, 12), [
      '  credential    service-account-key, for https://iam.api.cloud.yandex.net',
      '  acts as       ajesa',
      '  cloud         b1gcloud',
      '  folder        b1g\\u{1b}folder',
      '  notice        it ends with the year',
      '',
    ]);
  });

  it('gives each line of a hint its own', () => {
    const problem = {
      code: 'login_required',
      message: 'OAuth has ended',
      hint: 'a page\na command',
    } as const;
    const lines = statusLines({ daemon: daemonStatus, profiles: [{ ...work, problem }] }, nowMs, plain);
    assert.deepEqual(lines.slice(5, 8), [
      '  problem       OAuth has ended',
      '  what to do    a page',
      '                a command',
    ]);
  });

  it('says that the daemon is locked, and nothing where it is not', () => {
    const daemonLines = (locked: boolean): readonly string[] =>
      statusLines({ daemon: { ...daemonStatus, locked }, profiles: [work] }, nowMs, plain).slice(-5);
    assert.deepEqual(daemonLines(true)[0], '  state         locked until iam-token unlock');
    assert.deepEqual(daemonLines(false)[0], 'daemon');
  });

  it('says once that the daemon is locked, and what to do', () => {
    const problem = { code: 'locked', message: 'the daemon is locked', hint: 'iam-token unlock' } as const;
    const locked: ProfileStatus = { ...work, state: 'locked', problem, trouble: null };
    const lines = statusLines({ daemon: daemonStatus, profiles: [locked] }, nowMs, plain);
    assert.deepEqual(
      lines.filter((line) => /locked|problem|what to do/.test(line)),
      ['  state         the daemon is locked', '  what to do    iam-token unlock'],
    );
  });

  it('says what is wrong with the store', () => {
    const problem = {
      code: 'keychain_locked',
      message: 'the keychain is locked',
      hint: 'unlock it',
    } as const;
    const store = { kind: 'keychain', state: 'closed', problem } as const;
    const lines = statusLines({ daemon: { ...daemonStatus, store }, profiles: [] }, nowMs, plain);
    assert.deepEqual(lines, [
      'no profiles yet: iam-token login',
      '',
      'daemon',
      '  version       0.1.0',
      '  process       4242, for 2 h',
      '  manager       none',
      '  store         keychain, closed',
      '  problem       the keychain is locked',
      '  what to do    unlock it',
    ]);
  });

  it('has a word for every state', () => {
    const states: readonly ProfileStatus['state'][] = [
      'loading',
      'ok',
      'renewing',
      'failing',
      'login_required',
      'keychain_locked',
      'keychain_unavailable',
      'locked',
    ];
    const words = states.map(
      (state) =>
        statusLines({ daemon: daemonStatus, profiles: [{ ...work, state }] }, nowMs, (style, text) =>
          style === 'strong' ? text : `<${style}>${text}`,
        )[1],
    );
    assert.deepEqual(words, [
      '  state         <doubtful>reading the store',
      '  state         <good>ok',
      '  state         <doubtful>renewing',
      '  state         <doubtful>renewal fails; it will be tried again',
      '  state         <bad>login required',
      '  state         <bad>the keychain is locked',
      '  state         <bad>the store cannot be opened',
      '  state         <bad>the daemon is locked',
    ]);
  });
});

describe('iam-token status', () => {
  let daemon: ScriptedDaemon;
  const one = { daemon: daemonStatus, profiles: [work], next: null };

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(answering({ status: one, subscribe: {} }));
  });
  afterEach(() => daemon.close());

  it('prints the text, without colours where nobody sees them', async () => {
    const { stdout, stderr, code } = await runCli(['status'], { socket: daemon.socketPath });
    assert.match(stdout, /^work \(default\)\n {2}state {9}ok\n/);
    assert.deepEqual([stderr, code], ['', 0]);
  });

  it('prints colours on a terminal, unless NO_COLOR or TERM=dumb says otherwise', async () => {
    const socket = daemon.socketPath;
    const coloured = await runInTerminal(['status'], [], { socket });
    assert.ok(
      coloured.screen.startsWith('\x1b[1mwork\x1b[0m (default)\r\n  state         \x1b[32mok\x1b[0m\r\n'),
    );
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const { screen } = await runInTerminal(['status'], [], { socket, env });
      assert.ok(screen.startsWith('work (default)\r\n  state         ok\r\n'), JSON.stringify(env));
    }
    assert.ok(
      (await runInTerminal(['status'], [], { socket, env: { NO_COLOR: '' } })).screen.includes('\x1b[32m'),
    );
  });

  it('asks for one profile with --profile, and for all in spite of IAM_TOKEND_PROFILE', async () => {
    const options = { socket: daemon.socketPath, env: { IAM_TOKEND_PROFILE: 'home' } };
    await runCli(['status', '--profile', 'work'], options);
    await runCli(['status'], options);
    assert.deepEqual(
      daemon.requests.map(({ params }) => params),
      [{ profile: 'work' }, {}],
    );
  });

  it('prints the answers of all pages as one line of JSON with --json', async () => {
    daemon.become(
      answering({
        status: ({ after }: { readonly after?: string }) =>
          after === undefined
            ? { ...one, profiles: [failing], next: 'home' }
            : { ...one, profiles: [{ ...work, mood: 'good' }], next: null },
      }),
    );
    assert.deepEqual(await runCli(['status', '--json'], { socket: daemon.socketPath }), {
      stdout: `${JSON.stringify({ daemon: daemonStatus, profiles: [failing, work] })}\n`,
      stderr: '',
      code: 0,
    });
  });

  describe('--watch', () => {
    /** Runs it in a pipe; `onLine` gets each line as it comes. */
    async function watch(args: readonly string[], onLine: (line: string, kill: () => void) => void) {
      const child = spawn(process.execPath, [bundle, 'status', '--watch', ...args], {
        env: cleanEnv({ socket: daemon.socketPath }),
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

    it('prints a line for each change, and ends with 3 when the daemon goes', async () => {
      let peerOfWatcher: ScriptedPeer | undefined;
      let now: readonly ProfileStatus[] = [work];
      let asked = 0;
      daemon.become((request, peer) => {
        peerOfWatcher = peer;
        if (request.method === 'subscribe') return peer.answer(request, {});
        asked += 1;
        return peer.answer(request, { ...one, profiles: now });
      });
      const later = '2026-11-24T23:00:00.000Z';
      const { lines, stderr, code } = await watch([], (line) => {
        if (line.startsWith('work ok until 2026-11-24T22')) {
          now = [{ ...work, timeLeftMs: 5, expiresAt: later }, failing];
          peerOfWatcher?.send('rotated', { profile: 'work' });
        } else if (line.startsWith('home failing')) {
          now = [{ ...work, expiresAt: later, nextRenewalAt: later, attemptsInHour: 7 }];
          peerOfWatcher?.send('failing', { profile: 'home' });
        } else if (line.startsWith('home gone')) {
          peerOfWatcher?.end();
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
      assert.ok(asked >= 3);
    });

    it('looks anew at each event, without waiting for the second to end', async function () {
      this.timeout(10_000);
      const events = 30;
      let asked = 0;
      daemon.become((request, peer) => {
        if (request.method === 'subscribe') return peer.answer(request, {});
        asked += 1;
        peer.answer(request, { ...one, profiles: [{ ...work, profile: `${asked}` }] });
        return asked === events ? peer.end() : peer.send('rotated', { profile: 'work' });
      });
      const { lines } = await watch([], () => {});
      assert.ok(lines.includes(`${events} ok until 2026-11-24T22:04:05.000Z`));
    });

    it('looks anew each second without any event', async () => {
      let asked = 0;
      daemon.become((request, peer) => {
        if (request.method === 'subscribe') return peer.answer(request, {});
        asked += 1;
        return peer.answer(request, { ...one, profiles: [asked === 1 ? work : failing] });
      });
      const { lines } = await watch([], (line, kill) => {
        if (line.startsWith('work gone')) kill();
      });
      assert.equal(lines.length, 3);
    });

    it('prints each change as JSON with --json, and watches one profile with --profile', async () => {
      const { lines } = await watch(['--json', '--profile', 'work'], (_, kill) => kill());
      assert.deepEqual(lines, [JSON.stringify(work)]);
      assert.deepEqual(
        daemon.requests.map(({ method, params }) => [method, params]),
        [
          ['subscribe', { profile: 'work' }],
          ['status', { profile: 'work' }],
        ],
      );
    });

    it('draws anew in place on a terminal, within its size', async () => {
      const many = Array.from({ length: 9 }, (_, index) => ({
        ...work,
        profile: `profile${index}`,
        endpoint: `https://${'x'.repeat(200)}.example`,
      }));
      let asked = 0;
      daemon.become((request, peer) => {
        if (request.method === 'subscribe') return peer.answer(request, {});
        asked += 1;
        peer.answer(request, { ...one, profiles: many });
        if (asked < 3) peer.send('rotated', { profile: 'work' });
        return undefined;
      });
      const { screen, code } = await runInTerminal(
        ['status', '--watch'],
        [{ expect: '\x1b[23A\r\x1b[J', type: ['\x03'] }],
        { socket: daemon.socketPath },
      );
      // oxlint-disable-next-line no-control-regex -- colours are written with one
      const first = screen.replaceAll(/\x1b\[\d+m/g, '').split('\x1b[23A')[0] ?? '';
      const lines = first.split('\r\n').slice(0, -1);
      assert.equal(lines.length, 23);
      assert.ok(lines.every((line) => line.length <= 79));
      assert.equal(code, -2);
    });
  });
});
