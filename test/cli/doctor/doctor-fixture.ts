import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { dirname, join } from 'node:path';
import type { DaemonStatus, ProfileStatus } from '../../../src/protocol/method-types.ts';
import { version } from '../../../src/shared/version.ts';
import { type Emulator, startEmulator } from '../../emulator/emulator.ts';
import { respondWith, type Script, ScriptedDaemon } from '../../support/daemon/scripted-daemon.ts';
import { closeServer, listenOnLoopback } from '../../support/network/loopback.ts';
import { type CliResult, runCli } from '../../support/processes/run-cli.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { createRealClock } from '../../support/time/real-clock.ts';

export interface Finding {
  readonly check: string;
  readonly mark: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly reason: string;
  readonly command: string | null;
}

/** A healthy set-up that a test breaks. */
export interface DoctorFixture {
  readonly folder: string;
  readonly socketPath: string;
  readonly emulator: Emulator;
  readonly env: Record<string, string>;
  hello: { version: string; protocol: number };
  daemon: DaemonStatus;
  profiles: ProfileStatus[];
  /** Replaces the responses of the daemon. */
  script?: Script;
  /** Run after the test. */
  readonly cleanUps: (() => unknown)[];
  args: string[];
}

const uptimeMs = 60_000;
export const healthyProfile: ProfileStatus = {
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

export function writeConfig({ env }: DoctorFixture, text: string): void {
  const folder = join(env['XDG_CONFIG_HOME'] ?? '', 'iam-tokend');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.yaml'), text);
}

/** Sets the endpoint of the configuration and of all profiles. */
export function setEndpoint(fixture: DoctorFixture, endpoint: string): void {
  fixture.env['IAM_TOKEND_IAM_ENDPOINT'] = endpoint;
  fixture.profiles = fixture.profiles.map((profile) => ({ ...profile, endpoint }));
}

/** Set up before each test of the surrounding `describe`. */
export interface DoctorRun {
  readonly fixture: () => DoctorFixture;
  /** Runs `doctor` with these arguments. */
  readonly run: (...args: readonly string[]) => Promise<CliResult>;
  /** Runs `doctor --json`. */
  readonly runChecks: () => Promise<{ readonly findings: readonly Finding[]; readonly code: number | null }>;
}

export function useDoctorFixture(): DoctorRun {
  const folder = useTemporaryFolder();
  let fixture: DoctorFixture;
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    const socketPath = join(folder(), 'run/iam-tokend/ipc.sock');
    mkdirSync(dirname(socketPath), { recursive: true, mode: 0o700 });
    fixture = createFixture(folder(), socketPath, await startEmulator({ clock: createRealClock() }));
    const respond = respondWith({
      hello: () => fixture.hello,
      status: () => ({ daemon: fixture.daemon, profiles: fixture.profiles, next: null }),
    });
    daemon = await ScriptedDaemon.start(
      (request, peer) => (fixture.script ?? respond)(request, peer),
      socketPath,
    );
  });
  afterEach(async () => {
    for (const cleanUp of fixture.cleanUps) await cleanUp();
    await fixture.emulator.close();
    await daemon.close();
  });

  const run: DoctorRun['run'] = (...args) =>
    runCli(['doctor', ...fixture.args, ...args], { socket: '', env: fixture.env });
  return {
    fixture: () => fixture,
    run,
    async runChecks() {
      const { stdout, stderr, code } = await run('--json');
      assert.equal(stderr, '');
      return { findings: (JSON.parse(stdout) as { readonly checks: readonly Finding[] }).checks, code };
    },
  };
}

function createFixture(folder: string, socketPath: string, emulator: Emulator): DoctorFixture {
  return {
    folder,
    socketPath,
    emulator,
    env: {
      HOME: folder,
      XDG_RUNTIME_DIR: join(folder, 'run'),
      XDG_CONFIG_HOME: join(folder, 'config'),
      XDG_STATE_HOME: join(folder, 'state'),
      IAM_TOKEND_IAM_ENDPOINT: emulator.url,
    },
    hello: { version, protocol: 1 },
    daemon: {
      version,
      pid: process.pid,
      startedAt: new Date(createRealClock().now().wallMs - uptimeMs).toISOString(),
      manager: null,
      containers: 'tokens',
      store: { kind: 'keychain', state: 'open', problem: null },
    },
    profiles: [{ ...healthyProfile, endpoint: emulator.url }],
    cleanUps: [],
    args: [],
  };
}

/** `expectedCheck` is the first check that fails, or the first that warns if none fails. */
export type FaultCase = readonly [
  name: string,
  expectedCheck: string,
  exitCode: number,
  expectedReason: RegExp,
  injectFault: (fixture: DoctorFixture) => unknown,
];

export function describeFaults(title: string, faultCases: readonly FaultCase[]): void {
  describe(title, () => {
    const { fixture, runChecks } = useDoctorFixture();

    for (const [name, expectedCheck, exitCode, expectedReason, injectFault] of faultCases) {
      it(`finds ${name} in the check "${expectedCheck}"`, async () => {
        await injectFault(fixture());
        const { findings, code } = await runChecks();
        const first =
          findings.find(({ mark }) => mark === 'failed') ?? findings.find(({ mark }) => mark === 'warning');
        assert.equal(first?.check, expectedCheck, JSON.stringify(findings));
        assert.match(first.reason, expectedReason);
        assert.equal(code, exitCode);
        if (first.mark === 'failed') assert.match(first.command ?? '', /./, 'a failure has a hint');
      });
    }
  });
}

/** @returns the URL of the server, which is closed after the test */
export async function startServer({ cleanUps }: DoctorFixture, server: Server): Promise<string> {
  const port = await listenOnLoopback(server);
  cleanUps.push(() => closeServer(server));
  return `http://127.0.0.1:${port}`;
}
