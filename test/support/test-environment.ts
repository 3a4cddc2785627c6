import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Emulator, startEmulator } from '../emulator/emulator.ts';
import type { OauthAccount } from '../emulator/accounts.ts';
import { type ProcessResult, waitForExit } from './processes/process-result.ts';
import { type PrivateKeyring, startPrivateKeyring } from './stores/private-keyring.ts';
import { createRealClock } from './time/real-clock.ts';
import { waitUntil } from './wait-until.ts';

/** Of the programs under test. */
export const builtPrograms = fileURLToPath(new URL('../../bin/', import.meta.url));

export interface TestEnvironmentOptions {
  readonly store?: 'keychain' | 'file' | 'memory';
  /** The environment of another keychain than a private gnome-keyring, such as that of a desktop session. */
  readonly keychainEnvironment?: Readonly<Record<string, string>>;
  /** The text of `config.yaml`, to which `rareRenewals` is added unless it has a schedule; `null`: no such file. */
  readonly config?: string | null;
  readonly logLevel?: string;
  readonly accounts?: readonly OauthAccount[];
  readonly lifetimeMs?: number;
  /** The folder of its programs at each start; those under test unless given. */
  readonly programsFolder?: () => string;
  /** The user of its programs, which requires root; the current user unless given. */
  readonly uid?: number;
}

export type CommandResult = ProcessResult;

/** The real programs, a real keyring and an emulated IAM service, in their own folder. */
export interface TestEnvironment {
  readonly folder: string;
  readonly emulator: Emulator;
  /** `null` unless the store is a private gnome-keyring. */
  readonly keyring: PrivateKeyring | null;
  readonly socketPath: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Runs `iam-token`. */
  iamToken(args?: readonly string[], stdin?: string): Promise<CommandResult>;
  /**
   * @param extraEnvironment added to its environment
   * @param launcher a command that becomes the daemon, whose command line follows
   * @returns the process id of the daemon, when it listens
   */
  startDaemon(
    args?: readonly string[],
    extraEnvironment?: Readonly<Record<string, string>>,
    launcher?: readonly string[],
  ): Promise<number>;
  /** Runs `iam-tokend` until it exits. */
  iamTokend(args: readonly string[]): Promise<CommandResult>;
  /** Sends SIGTERM, or `signal`, and waits for the exit. @returns the duration in milliseconds */
  stopDaemon(signal?: NodeJS.Signals): Promise<number>;
  /** The text of all log files. */
  readLog(): string;
  stop(): Promise<void>;
}

/**
 * The default schedule renews each profile at some minute of each hour, which may come while a test compares tokens or
 * counts exchanges.
 */
export const rareRenewals = 'refresh: { schedule: "0 0 29 2 *" }\n';

export const oauthToken = 'y0_AgAAAABcanaryCANARYcanary0123456789abcd';

/** An OAuth token that no other test has, such as one that runs at the same time with another release of Node. */
export function createOauthToken(): string {
  return `y0_AgAAAAB${randomBytes(8).toString('hex')}canary0123456789abcd`;
}

export async function startTestEnvironment(options: TestEnvironmentOptions = {}): Promise<TestEnvironment> {
  const { store = 'keychain', logLevel = 'debug', lifetimeMs, uid } = options;
  const userOptions = uid === undefined ? {} : { uid, gid: uid };
  const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-env-'));
  const { keychainEnvironment } = options;
  const hasPrivateKeyring = store === 'keychain' && keychainEnvironment === undefined;
  const keyring: PrivateKeyring | null = hasPrivateKeyring ? await startPrivateKeyring() : null;
  const emulator = await startEmulator({
    clock: createRealClock(),
    oauthAccounts: options.accounts ?? [{ token: oauthToken }],
    ...(lifetimeMs === undefined ? {} : { lifetimeMs }),
  });
  const storeEnvironment = keychainEnvironment ?? keyring?.environment;
  const runtimeFolder = storeEnvironment?.['XDG_RUNTIME_DIR'] ?? join(folder, 'run');
  const environment: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    ...storeEnvironment,
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_STATE_HOME: join(folder, 'state'),
    XDG_RUNTIME_DIR: runtimeFolder,
    IAM_TOKEND_IAM_ENDPOINT: emulator.url,
  };
  createFolders(folder, runtimeFolder, options);

  const runProgram = (program: string, args: readonly string[], stdin = ''): Promise<CommandResult> => {
    const words = [programPath(options, program), ...args];
    return waitForExit(spawn(process.execPath, words, { env: environment, ...userOptions }), stdin);
  };
  const ownArgs = ['--store', store, '--log-level', logLevel];
  const daemon = new DaemonProcess((args, extraEnvironment, launcher) => {
    const program = [...launcher, process.execPath, programPath(options, 'iam-tokend')];
    const env = { ...environment, ...extraEnvironment };
    return spawn(program[0] ?? '', [...program.slice(1), ...ownArgs, ...args], {
      ...userOptions,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  });
  return {
    folder,
    emulator,
    keyring,
    socketPath: join(runtimeFolder, 'iam-tokend', 'ipc.sock'),
    environment,
    iamToken: (args = [], stdin = '') => runProgram('iam-token', args, stdin),
    iamTokend: (args) => runProgram('iam-tokend', args),
    startDaemon: (args = [], extraEnvironment = {}, launcher = []) =>
      daemon.start(args, extraEnvironment, launcher),
    stopDaemon: (signal = 'SIGTERM') => daemon.stop(signal),
    readLog: () => readFolder(join(folder, 'state', 'iam-tokend', 'log')),
    stop: async () => {
      await daemon.stop('SIGKILL');
      await emulator.close();
      await keyring?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function programPath({ programsFolder }: TestEnvironmentOptions, name: string): string {
  return join(programsFolder?.() ?? builtPrograms, `${name}.js`);
}

function createFolders(folder: string, runtimeFolder: string, { config, uid }: TestEnvironmentOptions): void {
  mkdirSync(runtimeFolder, { recursive: true, mode: 0o700 });
  mkdirSync(join(folder, 'config', 'iam-tokend'), { recursive: true, mode: 0o700 });
  if (config !== null) {
    const text = config?.includes('refresh:') ? config : rareRenewals + (config ?? '');
    writeFileSync(join(folder, 'config', 'iam-tokend', 'config.yaml'), text, { mode: 0o600 });
  }
  if (uid !== undefined) {
    for (const path of ['', ...readdirSync(folder, { recursive: true })])
      chownSync(join(folder, String(path)), uid, uid);
  }
}

/** The texts of all files in a folder; empty if it does not exist. */
function readFolder(folder: string): string {
  if (!existsSync(folder)) return '';
  return readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('');
}

type SpawnDaemon = (
  args: readonly string[],
  extraEnvironment: Readonly<Record<string, string>>,
  launcher: readonly string[],
) => ChildProcessByStdio<null, null, Readable>;

/** At most one running daemon. */
class DaemonProcess {
  readonly #spawn: SpawnDaemon;
  #child: ChildProcess | null = null;

  constructor(spawnDaemon: SpawnDaemon) {
    this.#spawn = spawnDaemon;
  }

  async start(...parameters: Parameters<SpawnDaemon>): Promise<number> {
    const child = this.#spawn(...parameters);
    this.#child = child;
    let stderrText = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderrText += chunk));
    await waitUntil(
      () => stderrText.includes('listening on') || child.exitCode !== null,
      'the daemon listens',
    );
    if (child.exitCode !== null || child.pid === undefined)
      throw new Error(`the daemon ended: ${stderrText}`);
    return child.pid;
  }

  async stop(signal: NodeJS.Signals): Promise<number> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return 0;
    const startedMs = performance.now();
    const exitEvent = once(child, 'exit');
    child.kill(signal);
    await exitEvent;
    return performance.now() - startedMs;
  }
}
