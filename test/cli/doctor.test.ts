import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import type { DaemonStatus, ProfileStatus } from '../../src/protocol/messages.ts';
import { version } from '../../src/shared/version.ts';
import { canaries } from '../support/canaries.ts';
import { listen, shut } from '../support/loopback.ts';
import { realClock } from '../support/real-clock.ts';
import { type CliRun, runCli } from '../support/run-cli.ts';
import { answering, type Script, ScriptedDaemon } from '../support/scripted-daemon.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { tlsCertificate, tlsKey } from '../support/tls-fixture.ts';

interface Finding {
  readonly check: string;
  readonly mark: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly reason: string;
  readonly command: string | null;
}

/** A set-up in which all is well, for a test to break. */
interface Scene {
  readonly folder: string;
  readonly socketPath: string;
  readonly emulator: Emulator;
  readonly env: Record<string, string>;
  hello: { version: string; protocol: number };
  daemon: DaemonStatus;
  profiles: ProfileStatus[];
  /** In place of the answers. */
  script?: Script;
  /** Done last. */
  readonly cleanUps: (() => unknown)[];
  args: string[];
}

const pastMs = 60_000;
const nobody: ProfileStatus = {
  profile: 'work',
  isDefault: true,
  kind: 'oauth',
  endpoint: '',
  state: 'ok',
  subject: 'aje0ada',
  expiresAt: '2026-11-24T22:04:05.000Z',
  timeLeftMs: 43_445_000,
  nextRenewalAt: null,
  problem: null,
  trouble: null,
  successesInHour: 1,
  attemptsInHour: 1,
  clockOffsetMs: 0,
};

const closed = (code: 'keychain_locked' | 'keychain_unavailable'): DaemonStatus['store'] => ({
  kind: 'keychain',
  state: 'closed',
  problem: { code, message: 'it is closed', hint: 'open it' },
});

function configure({ env }: Scene, text: string): void {
  const folder = join(env['XDG_CONFIG_HOME'] ?? '', 'iam-tokend');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.yaml'), text);
}

/** Endpoint of everything that the doctor asks. */
function ask(scene: Scene, endpoint: string): void {
  scene.env['IAM_TOKEND_IAM_ENDPOINT'] = endpoint;
  scene.profiles = scene.profiles.map((profile) => ({ ...profile, endpoint }));
}

/** A daemon that runs on the program at this path of the scene's folder. */
function runOn(scene: Scene, path: string): string {
  const program = join(scene.folder, path);
  mkdirSync(join(program, '..'), { recursive: true });
  copyFileSync('/bin/sleep', program);
  chmodSync(program, 0o755);
  const child = spawn(program, ['600']);
  scene.cleanUps.push(() => child.kill('SIGKILL'));
  scene.daemon = { ...scene.daemon, pid: child.pid ?? 0 };
  return program;
}

async function closedPort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

type Break = (scene: Scene) => unknown;

/** What is broken, how, and what the doctor must call it: the first check that fails, or else that warns. */
const setUps: readonly (readonly [
  what: string,
  fault: string | null,
  code: number,
  said: RegExp,
  breakIt: Break,
])[] = [
  ['nothing', null, 0, /^$/, () => undefined],
  [
    'a configuration with mistakes',
    'configuration',
    2,
    /config\.yaml:1: store/,
    (scene) => configure(scene, 'store: attic\n'),
  ],
  [
    'certificates that are not there',
    'configuration',
    2,
    /network\.caFile.*ENOENT/,
    (scene) => configure(scene, 'network: { caFile: /nowhere/ca.pem }\n'),
  ],
  [
    'a setting that there is not',
    'configuration',
    0,
    /IAM_TOKEND_STOER/,
    ({ env }) => (env['IAM_TOKEND_STOER'] = 'file'),
  ],
  [
    'a folder that is open to others',
    'folder',
    3,
    /open to others \(mode 0755\)/,
    ({ socketPath }) => chmodSync(join(socketPath, '..'), 0o755),
  ],
  [
    'a link in place of the folder',
    'folder',
    3,
    /is a link/,
    ({ socketPath, folder }) => {
      renameSync(join(socketPath, '..'), join(folder, 'elsewhere'));
      symlinkSync(join(folder, 'elsewhere'), join(socketPath, '..'));
    },
  ],
  ['no daemon', 'socket', 3, /no daemon runs/, ({ socketPath }) => unlinkSync(socketPath)],
  ['no folder', 'socket', 3, /no daemon runs/, ({ env }) => mkdirSync((env['XDG_RUNTIME_DIR'] += '-2'))],
  [
    'a path that is too long',
    'socket',
    2,
    /^the socket's path has \d+ bytes/,
    ({ env }) => mkdirSync((env['XDG_RUNTIME_DIR'] += '-'.repeat(100))),
  ],
  [
    'a dead socket',
    'socket',
    3,
    /^nothing listens at/,
    async ({ socketPath, folder }) => {
      // Bound to another path, so that its end does not remove this one.
      const path = join(folder, 'dead');
      const server = createTcpServer();
      await new Promise<void>((resolve) => void server.listen(path, resolve));
      renameSync(path, socketPath);
      await new Promise((resolve) => server.close(resolve));
    },
  ],
  [
    'a file in place of the socket',
    'socket',
    3,
    /is no socket/,
    ({ socketPath }) => {
      unlinkSync(socketPath);
      writeFileSync(socketPath, '');
    },
  ],
  [
    'a daemon that stands still',
    'daemon',
    5,
    /did not answer within 200 ms/,
    (scene) => {
      scene.script = () => undefined;
      scene.args = ['--timeout', '200ms'];
    },
  ],
  [
    'a program that speaks another protocol',
    'daemon',
    1,
    /does not speak the protocol/,
    (scene) => (scene.script = (_, peer) => peer.raw('HTTP/1.1 400 Bad Request\r\n\f')),
  ],
  [
    'a daemon of another release',
    'versions',
    0,
    /release 0\.0\.9, this client of/,
    (scene) => (scene.hello = { version: '0.0.9', protocol: 1 }),
  ],
  [
    'a daemon of another protocol',
    'versions',
    1,
    /release 9\.0\.0/,
    (scene) => (scene.hello = { version: '9.0.0', protocol: 2 }),
  ],
  [
    "a version manager's Node",
    'node',
    0,
    /\.nvm\/versions\/node goes away/,
    (scene) => runOn(scene, '.nvm/versions/node'),
  ],
  ['a Node that is gone', 'node', 1, /node is gone/, (scene) => unlinkSync(runOn(scene, 'node'))],
  [
    'a unit whose Node is gone',
    'node',
    1,
    /\/nowhere\/bin\/node is gone/,
    (scene) => {
      const folder = join(scene.env['XDG_CONFIG_HOME'] ?? '', 'systemd/user');
      mkdirSync(folder, { recursive: true });
      writeFileSync(
        join(folder, 'iam-tokend.service'),
        '[Service]\nExecStart="/nowhere/bin/node" "iam-tokend"\n',
      );
      scene.daemon = { ...scene.daemon, pid: 2 ** 30 };
    },
  ],
  [
    'a locked keychain',
    'store',
    6,
    /it is closed/,
    (scene) => (scene.daemon = { ...scene.daemon, store: closed('keychain_locked') }),
  ],
  [
    'no keychain',
    'store',
    6,
    /it is closed/,
    (scene) => (scene.daemon = { ...scene.daemon, store: closed('keychain_unavailable') }),
  ],
  [
    'a daemon that is locked',
    'store',
    6,
    /the daemon is locked/,
    (scene) => (scene.daemon = { ...scene.daemon, locked: true }),
  ],
  [
    'a clock that is hours off',
    'clock',
    0,
    /is (3 h|2 h 59 min) behind that of IAM/,
    ({ emulator }) => void (emulator.clockOffsetMs = 3 * 60 * 60_000),
  ],
  [
    'a name that cannot be resolved',
    'dns',
    5,
    /the name .*\.invalid cannot be resolved/,
    // No label has over 63 characters (RFC 1035, 2.3.4): no server is asked.
    (scene) => ask(scene, `https://${'x'.repeat(64)}.invalid`),
  ],
  [
    'a proxy that is dead',
    'proxy',
    5,
    /127\.0\.0\.1:\d+: .*refused/,
    async (scene) => {
      ask(scene, 'https://iam.invalid');
      scene.env['HTTPS_PROXY'] = `http://127.0.0.1:${await closedPort()}`;
    },
  ],
  [
    'a proxy that lets nothing through',
    'proxy',
    5,
    /lets no connection through/,
    async (scene) => {
      const proxy = createServer();
      proxy.on('connect', (_, socket) => void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
      ask(scene, 'https://iam.invalid');
      configure(scene, `network: { proxy: "${await served(scene, proxy)}" }\n`);
    },
  ],
  [
    'a certificate of nobody',
    'tls',
    5,
    /is not trusted/,
    async (scene) => {
      const server = createTlsServer({ key: tlsKey, cert: tlsCertificate });
      ask(scene, (await served(scene, server)).replace('http', 'https'));
    },
  ],
  [
    'an endpoint that nobody listens at',
    'iam',
    5,
    /was refused/,
    async (scene) => ask(scene, `https://127.0.0.1:${await closedPort()}`),
  ],
  [
    'a service that is down',
    'iam',
    5,
    /IAM answered 503/,
    ({ emulator }) => emulator.setFault({ kind: 'unavailable' }),
  ],
  ["a network's login page", 'iam', 5, /a web page/, ({ emulator }) => emulator.setFault({ kind: 'html' })],
  ['no profile', 'profiles', 4, /nobody is logged in/, (scene) => (scene.profiles = [])],
  [
    'no default profile',
    'profiles',
    7,
    /no default profile/,
    (scene) => (scene.profiles = scene.profiles.map((each) => ({ ...each, isDefault: false }))),
  ],
  [
    'an unknown default profile',
    'profiles',
    7,
    /IAM_TOKEND_PROFILE names home/,
    ({ env }) => (env['IAM_TOKEND_PROFILE'] = 'home'),
  ],
  [
    'a credential that was refused',
    'profile work',
    4,
    /IAM says no; its token lives/,
    (scene) => {
      const problem = { code: 'login_required', message: 'IAM says no', hint: 'iam-token login' } as const;
      scene.profiles = scene.profiles.map((each) => ({ ...each, state: 'login_required', problem }));
    },
  ],
  [
    'a renewal that fails while the token lives',
    'profile work',
    0,
    /IAM is away; its token lives/,
    (scene) => {
      const problem = { code: 'unavailable', message: 'IAM is away' } as const;
      scene.profiles = scene.profiles.map((each) => ({ ...each, state: 'failing', problem }));
    },
  ],
  [
    'a renewal that fails without a token',
    'profile work',
    5,
    /IAM is away; it has no token now/,
    (scene) => {
      const problem = { code: 'unavailable', message: 'IAM is away' } as const;
      scene.profiles = scene.profiles.map((each) => ({ ...each, state: 'failing', problem, timeLeftMs: 0 }));
    },
  ],
];

async function served(scene: Scene, server: Server): Promise<string> {
  const port = await listen(server);
  scene.cleanUps.push(() => shut(server));
  return `http://127.0.0.1:${port}`;
}

describe('doctor', () => {
  const folder = temporaryFolder();
  let scene: Scene;
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    const emulator = await startEmulator({ clock: realClock() });
    const run = join(folder(), 'run');
    mkdirSync(join(run, 'iam-tokend'), { recursive: true, mode: 0o700 });
    const socketPath = join(run, 'iam-tokend/ipc.sock');
    scene = {
      folder: folder(),
      socketPath,
      emulator,
      env: {
        HOME: folder(),
        XDG_RUNTIME_DIR: run,
        XDG_CONFIG_HOME: join(folder(), 'config'),
        XDG_STATE_HOME: join(folder(), 'state'),
        IAM_TOKEND_IAM_ENDPOINT: emulator.url,
      },
      hello: { version, protocol: 1 },
      daemon: {
        version,
        pid: process.pid,
        startedAt: new Date(realClock().now().wallMs - pastMs).toISOString(),
        manager: null,
        store: { kind: 'keychain', state: 'open', problem: null },
      },
      profiles: [{ ...nobody, endpoint: emulator.url }],
      cleanUps: [],
      args: [],
    };
    const answers = answering({
      hello: () => scene.hello,
      status: () => ({ daemon: scene.daemon, profiles: scene.profiles, next: null }),
    });
    daemon = await ScriptedDaemon.start(
      (request, peer) => (scene.script ?? answers)(request, peer),
      socketPath,
    );
  });
  afterEach(async () => {
    for (const cleanUp of scene.cleanUps) await cleanUp();
    await scene.emulator.close();
    await daemon.close();
  });

  const run = (...args: readonly string[]): Promise<CliRun> =>
    runCli(['doctor', ...scene.args, ...args], { socket: '', env: scene.env });

  async function findings(): Promise<{ readonly all: readonly Finding[]; readonly code: number | null }> {
    const { stdout, stderr, code } = await run('--json');
    assert.equal(stderr, '');
    return { all: (JSON.parse(stdout) as { readonly checks: readonly Finding[] }).checks, code };
  }

  for (const [what, fault, code, said, breakIt] of setUps) {
    it(`finds ${what}${fault === null ? '' : `, and calls it ${fault}`}`, async () => {
      await breakIt(scene);
      const found = await findings();
      const first =
        found.all.find(({ mark }) => mark === 'failed') ?? found.all.find(({ mark }) => mark === 'warning');
      assert.equal(first?.check ?? null, fault, JSON.stringify(found.all));
      assert.match(first?.reason ?? '', said);
      assert.equal(found.code, code);
      if (first?.mark === 'failed') assert.match(first.command ?? 'none is known', /./);
    });
  }

  it('goes the whole way, asks IAM with nothing in its hands, and says each thing once', async () => {
    const { all } = await findings();
    assert.deepEqual(
      all.map(({ check, mark }) => `${check} ${mark}`),
      [
        'client ok',
        'configuration ok',
        'folder ok',
        'socket ok',
        'daemon ok',
        'versions ok',
        'manager ok',
        'node ok',
        'store ok',
        'clock ok',
        'dns ok',
        'proxy ok',
        'tls skipped',
        'iam ok',
        'profiles ok',
        'profile work ok',
      ],
    );
    assert.deepEqual(
      scene.emulator.calls().map(({ method, path, status }) => `${method} ${path} ${status}`),
      ['POST /iam/v1/tokens 400'],
    );
  });

  it('asks each installation that a profile belongs to', async () => {
    const other = await startEmulator({ clock: realClock() });
    scene.cleanUps.push(() => other.close());
    scene.profiles.push({ ...nobody, profile: 'other', isDefault: false, endpoint: other.url });
    const { all } = await findings();
    assert.deepEqual(
      all.filter(({ check }) => check === 'iam').map(({ reason }) => reason),
      [`${scene.emulator.url} answers`, `${other.url} answers`],
    );
  });

  it('tells a person on one line each, with what to do below, and nothing that acts on a terminal', async () => {
    const hint = 'ask\x1b[31m somebody';
    const problem = { code: 'login_required', message: 'IAM\nsays no', hint } as const;
    scene.profiles = scene.profiles.map((each) => ({ ...each, state: 'login_required', problem }));
    const { stdout, stderr, code } = await run();
    assert.match(stdout, /^ok {7}client {9}iam-token /);
    assert.match(
      stdout,
      /^failed {3}profile work {3}IAM\\u\{a\}says no; its token .*\n {24}ask\\u\{1b\}\[31m somebody\n$/m,
    );
    assert.deepEqual({ stderr, code }, { stderr: '', code: 4 });
  });

  it('warns of a proxy that a service does not see', async () => {
    const proxy = createServer();
    proxy.on('connect', (_, socket) => void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
    scene.daemon = { ...scene.daemon, manager: { kind: 'launchd', unit: 'iam-tokend' } };
    ask(scene, 'https://iam.invalid');
    scene.env['HTTPS_PROXY'] = await served(scene, proxy);
    scene.env['NO_PROXY'] = '.invalid';
    assert.equal((await findings()).all.find(({ check }) => check === 'proxy')?.reason, 'none');
    delete scene.env['NO_PROXY'];
    assert.match(
      (await findings()).all.find(({ check }) => check === 'proxy')?.reason ?? '',
      /no connection/,
    );
  });

  describe('writes a bundle', () => {
    const bundleOf = (): string => join(folder(), 'bundle.json');

    it('for the person alone, with the log in it, and never over a file that is there', async () => {
      const log = join(scene.env['XDG_STATE_HOME'] ?? '', 'iam-tokend/log');
      mkdirSync(log, { recursive: true });
      writeFileSync(join(log, 'iam-tokend.log'), `${'old\n'.repeat(500)}the last line\n`);
      const first = await run('--bundle', bundleOf());
      assert.deepEqual(
        { stderr: first.stderr, code: 0 },
        { stderr: `iam-token: wrote ${bundleOf()}\n`, code: first.code },
      );
      assert.equal(statSync(bundleOf()).mode & 0o777, 0o600);
      const bundle = JSON.parse(readFileSync(bundleOf(), 'utf8')) as { log: string[]; checks: Finding[] };
      assert.deepEqual([bundle.log.length, bundle.log.at(-1)], [200, 'the last line']);
      assert.equal(bundle.checks.length, 16);
      const again = await run('--bundle', bundleOf());
      assert.equal(again.code, 2);
      assert.match(again.stderr, /hint: name a file that is not there yet/);
    });

    it('with no secret in it, wherever one was', async () => {
      const everything = canaries.map(({ secret }) => secret).join(' ');
      const log = join(scene.env['XDG_STATE_HOME'] ?? '', 'iam-tokend/log');
      mkdirSync(log, { recursive: true });
      writeFileSync(join(log, 'iam-tokend.log'), canaries.map(({ secret }) => `a line ${secret}\n`).join(''));
      scene.emulator.setFault({ kind: 'status', code: 14, message: everything });
      const password = 'cAnArY-of-a-proxy';
      scene.env['HTTPS_PROXY'] = `http://me:${password}@127.0.0.1:9`;
      scene.env['IAM_TOKEN'] = everything;
      const caFile = join(folder(), 'ca.pem');
      writeFileSync(caFile, `friendlyName: cAnArY-of-a-bag\n${tlsCertificate}`);
      configure(
        scene,
        `# ${everything.replaceAll('\n', ' ')}\nnetwork: { proxy: "http://me:${password}@127.0.0.1:9", caFile: ${caFile} }\n`,
      );
      const problem = { code: 'unavailable', message: everything, hint: everything } as const;
      scene.profiles = scene.profiles.map((each) => ({ ...each, state: 'failing', problem }));
      scene.daemon = { ...scene.daemon, store: { kind: 'keychain', state: 'closed', problem } };
      await run('--bundle', bundleOf());
      const text = readFileSync(bundleOf(), 'utf8');
      assert.match(text, /a line \[redacted\]/);
      assert.match(text, /"IAM_TOKEN"/);
      assert.doesNotMatch(text, /cAnArY/);
    });
  });
});
