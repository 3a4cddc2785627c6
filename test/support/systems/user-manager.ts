import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, chownSync, constants, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../conventions/source-tree.ts';

export interface ProcessResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The session of a user with an empty home, a `systemd --user` and a journal. */
export interface UserManager {
  readonly folder: string;
  readonly home: string;
  /** The complete command that runs `argv` in the session. */
  command(argv: readonly string[], env?: RunOptions['env']): readonly [string, ...string[]];
  run(argv: readonly string[], options?: RunOptions): Promise<ProcessResult>;
  /** Starts a program that runs until the session ends. */
  start(argv: readonly string[], options?: RunOptions): ChildProcess;
  /** Runs a program as root in the namespaces of the session. */
  runAsRoot(argv: readonly string[]): Promise<ProcessResult>;
  /** Ends the session and removes its folder. */
  stop(): Promise<void>;
}

/** Not in the user database. */
const uid = 61_234;

/** Why no session can start here; `null` if one can. */
export function getUserManagerSkipReason(): string | null {
  if (process.getuid?.() !== 0) return 'the set-up requires root';
  if (!existsSync('/lib/systemd/systemd')) return 'systemd is not installed';
  const cgroups = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) => existsSync(path)) ?? '';
  try {
    accessSync(join(cgroups, 'cgroup.procs'), constants.W_OK);
    return null;
  } catch {
    return 'no writable cgroup2 is mounted';
  }
}

export async function startUserManager(): Promise<UserManager> {
  const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-user-'));
  const home = join(folder, 'home');
  chownSync(folder, uid, uid);
  mkdirSync(home, { mode: 0o700 });
  chownSync(home, uid, uid);
  const session = spawn('bash', [join(root, 'test/support/systems/user-systemd.sh'), home, String(uid)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Ctrl-C in the terminal must not reach the script before it has cleaned up.
    detached: true,
  });
  const exitEvent = once(session, 'exit');
  const [line] = (await Promise.race([
    once(createInterface(session.stdout), 'line'),
    exitEvent.then(() => ['no session']),
  ])) as [string];
  const pid = /^ready (\d+)$/.exec(line)?.[1];
  if (pid === undefined) throw new Error('systemd --user does not start');

  const nsenterCommand = ['nsenter', `--target=${pid}`, '--mount', '--wdns=/'] as const;
  const runtimeFolder = `/run/user/${uid}`;
  const environment = {
    HOME: home,
    USER: 'iam-tokend-test',
    SHELL: '/bin/sh',
    LANG: 'C.UTF-8',
    PATH: '/usr/local/bin:/usr/bin:/bin',
    XDG_RUNTIME_DIR: runtimeFolder,
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtimeFolder}/bus`,
  };
  const manager: UserManager = {
    folder,
    home,
    command: (argv, env = {}) => [
      ...nsenterCommand,
      ...['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'env', '--ignore-environment'],
      ...Object.entries({ ...environment, ...env }).map(([name, value]) => `${name}=${value}`),
      ...argv,
    ],
    run: (argv, { stdin = '', env } = {}) => runToExit(manager.command(argv, env), stdin),
    start: (argv, { stdin = '', env } = {}) => {
      const [program, ...args] = manager.command(argv, env);
      const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'] });
      child.stdin.on('error', () => {}); // The program may exit without reading.
      child.stdin.end(stdin);
      return child;
    },
    runAsRoot: (argv) => runToExit([...nsenterCommand, ...argv], ''),
    stop: async () => {
      session.stdin.end();
      await exitEvent;
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return manager;
}

/** Runs a program until it exits. */
export function runToExit(
  [program, ...args]: readonly [string, ...string[]],
  stdin: string,
): Promise<ProcessResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => (output[name] += chunk));
    }
    child.stdin.on('error', () => {}); // The program may exit without reading.
    child.stdin.end(stdin);
    child.once('error', reject);
    child.once('close', (code) => resolve({ ...output, code }));
  });
}
