import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, chownSync, constants, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../house/source-tree.ts';

export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A person who is logged in, with a `systemd --user` of their own, a journal, and a home that was empty. */
export interface UserManager {
  readonly folder: string;
  readonly home: string;
  /** `argv` as that person runs it: to be started as it stands. */
  command(argv: readonly string[], env?: RunOptions['env']): readonly [string, ...string[]];
  run(argv: readonly string[], options?: RunOptions): Promise<Result>;
  /** Goes on until the person is logged out. */
  start(argv: readonly string[], options?: RunOptions): ChildProcess;
  /** As root, in the place where that person lives. */
  look(argv: readonly string[]): Promise<Result>;
  /** Ends all and removes all. */
  logOut(): Promise<void>;
}

/** In nobody's user database. */
const uid = 61_234;

/** Why there can be none here; `null` if there can. */
export function noUserManager(): string | null {
  if (process.getuid?.() !== 0) return 'its set-up needs root';
  if (!existsSync('/lib/systemd/systemd')) return 'systemd is not installed';
  const cgroups = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) => existsSync(path)) ?? '';
  try {
    accessSync(join(cgroups, 'cgroup.procs'), constants.W_OK);
    return null;
  } catch {
    return 'there is no cgroup2 to be written to';
  }
}

export async function logIn(): Promise<UserManager> {
  const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-user-'));
  const home = join(folder, 'home');
  chownSync(folder, uid, uid);
  mkdirSync(home, { mode: 0o700 });
  chownSync(home, uid, uid);
  const session = spawn('bash', [join(root, 'test/support/user-systemd.sh'), home, String(uid)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // A Ctrl-C in the terminal must not reach it before it has cleaned up.
    detached: true,
  });
  const ended = once(session, 'exit');
  const [line] = (await Promise.race([
    once(createInterface(session.stdout), 'line'),
    ended.then(() => ['no session']),
  ])) as [string];
  const pid = /^ready (\d+)$/.exec(line)?.[1];
  if (pid === undefined) throw new Error('systemd --user does not start');

  const inside = ['nsenter', `--target=${pid}`, '--mount', '--wdns=/'] as const;
  const runtime = `/run/user/${uid}`;
  const environment = {
    HOME: home,
    USER: 'iam-tokend-test',
    SHELL: '/bin/sh',
    LANG: 'C.UTF-8',
    PATH: '/usr/local/bin:/usr/bin:/bin',
    XDG_RUNTIME_DIR: runtime,
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtime}/bus`,
  };
  const manager: UserManager = {
    folder,
    home,
    command: (argv, env = {}) => [
      ...inside,
      ...['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'env', '--ignore-environment'],
      ...Object.entries({ ...environment, ...env }).map(([name, value]) => `${name}=${value}`),
      ...argv,
    ],
    run: (argv, { stdin = '', env } = {}) => finished(manager.command(argv, env), stdin),
    start: (argv, { stdin = '', env } = {}) => {
      const [program, ...args] = manager.command(argv, env);
      const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'] });
      child.stdin.on('error', () => {}); // it may end without reading
      child.stdin.end(stdin);
      return child;
    },
    look: (argv) => finished([...inside, ...argv], ''),
    logOut: async () => {
      session.stdin.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return manager;
}

/** Runs a program to its end. */
export function finished([program, ...args]: readonly [string, ...string[]], stdin: string): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (piece: string) => (output[name] += piece));
    }
    child.stdin.on('error', () => {}); // it may end without reading
    child.stdin.end(stdin);
    child.once('error', reject);
    child.once('close', (code) => resolve({ ...output, code }));
  });
}
