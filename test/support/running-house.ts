import { spawn } from 'node:child_process';
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
import { fileURLToPath } from 'node:url';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import type { OauthAccount } from '../../src/emulator/accounts.ts';
import { type Ended, ended } from './ended.ts';
import { type PrivateKeyring, startPrivateKeyring } from './private-keyring.ts';
import { realClock } from './real-clock.ts';
import { until } from './until.ts';

const programs = fileURLToPath(new URL('../../bin/', import.meta.url));

export interface HouseOptions {
  readonly store?: 'keychain' | 'file' | 'memory';
  /** The text of `config.yaml`. */
  readonly config?: string;
  readonly logLevel?: string;
  readonly accounts?: readonly OauthAccount[];
  readonly lifetimeMs?: number;
  /** As whom its programs run; needs root. As us unless given. */
  readonly uid?: number;
}

export type Run = Ended;

/** The real programs, a real keyring and an IAM service of ours, in a folder of their own. */
export interface RunningHouse {
  readonly folder: string;
  readonly emulator: Emulator;
  /** `null` with another store. */
  readonly keyring: PrivateKeyring | null;
  readonly socketPath: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Runs `iam-token`. */
  iamToken(args?: readonly string[], stdin?: string): Promise<Run>;
  /**
   * @param more laid over its environment
   * @returns the daemon's process id, once it answers
   */
  startDaemon(args?: readonly string[], more?: Readonly<Record<string, string>>): Promise<number>;
  /** Runs `iam-tokend` to its end. */
  iamTokend(args: readonly string[]): Promise<Run>;
  /** Sends SIGTERM and waits for the end; milliseconds it took. */
  stopDaemon(signal?: NodeJS.Signals): Promise<number>;
  /** All that the log holds. */
  log(): string;
  stop(): Promise<void>;
}

export const oauthToken = 'y0_AgAAAABcanaryCANARYcanary0123456789abcd';

export async function startHouse(options: HouseOptions = {}): Promise<RunningHouse> {
  const { store = 'keychain', config, logLevel = 'debug', lifetimeMs, uid } = options;
  const user = uid === undefined ? {} : { uid, gid: uid };
  const folder = mkdtempSync(join(tmpdir(), 'house-'));
  const keyring: PrivateKeyring | null = store === 'keychain' ? await startPrivateKeyring() : null;
  const emulator = await startEmulator({
    clock: realClock(),
    oauthAccounts: options.accounts ?? [{ token: oauthToken }],
    ...(lifetimeMs === undefined ? {} : { lifetimeMs }),
  });
  const environment: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    ...keyring?.environment,
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_STATE_HOME: join(folder, 'state'),
    XDG_RUNTIME_DIR: keyring?.environment['XDG_RUNTIME_DIR'] ?? join(folder, 'run'),
    IAM_TOKEND_IAM_ENDPOINT: emulator.url,
  };
  mkdirSync(environment['XDG_RUNTIME_DIR'] ?? '', { recursive: true, mode: 0o700 });
  mkdirSync(join(folder, 'config', 'iam-tokend'), { recursive: true, mode: 0o700 });
  if (config !== undefined) writeFileSync(join(folder, 'config', 'iam-tokend', 'config.yaml'), config);
  if (uid !== undefined) {
    for (const path of ['', ...readdirSync(folder, { recursive: true })])
      chownSync(join(folder, String(path)), uid, uid);
  }
  const socketPath = join(environment['XDG_RUNTIME_DIR'] ?? '', 'iam-tokend', 'ipc.sock');
  let daemon: ReturnType<typeof spawn> | null = null;

  const run = (program: string, args: readonly string[], stdin = ''): Promise<Run> => {
    const script = join(programs, `${program}.js`);
    return ended(spawn(process.execPath, [script, ...args], { env: environment, ...user }), stdin);
  };

  async function stopDaemon(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    const child = daemon;
    daemon = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return 0;
    const startedMs = performance.now();
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
    return performance.now() - startedMs;
  }

  const house: RunningHouse = {
    folder,
    emulator,
    keyring,
    socketPath,
    environment,
    iamToken: (args = [], stdin = '') => run('iam-token', args, stdin),
    iamTokend: (args) => run('iam-tokend', args),
    startDaemon: async (args = [], more = {}) => {
      const child = spawn(
        process.execPath,
        [join(programs, 'iam-tokend.js'), '--store', store, '--log-level', logLevel, ...args],
        { ...user, env: { ...environment, ...more }, stdio: ['ignore', 'ignore', 'pipe'] },
      );
      daemon = child;
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (piece: string) => (said += piece));
      await until(() => said.includes('listening on') || child.exitCode !== null, 'the daemon listens');
      if (child.exitCode !== null || child.pid === undefined) throw new Error(`the daemon ended: ${said}`);
      return child.pid;
    },
    stopDaemon,
    log: () => {
      const logs = join(folder, 'state', 'iam-tokend', 'log');
      if (!existsSync(logs)) return '';
      return readdirSync(logs)
        .map((file) => readFileSync(join(logs, file), 'utf8'))
        .join('');
    },
    stop: async () => {
      await stopDaemon('SIGKILL');
      await emulator.close();
      await keyring?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return house;
}
