import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../../conventions/source-tree.ts';
import { unpackTarball } from '../processes/package-tarball.ts';

/** `scripts/test --all` installs the packages here. */
const packagesFolder = join(root, 'test/slow/third-party');

/** Loads a third-party package for a test server; the caller adds its type. */
export function loadThirdPartyPackage(name: string): unknown {
  return createRequire(join(packagesFolder, 'package.json'))(name);
}

/** A project folder with the third-party packages and the packed library, and the programs in `bin`. */
export interface Workspace {
  readonly folder: string;
  /** The first folder of PATH. */
  readonly bin: string;
  /** @param files texts by name */
  write(files: Readonly<Record<string, string>>): void;
  remove(): void;
}

export function createWorkspace(): Workspace {
  const folder = mkdtempSync(join(tmpdir(), 'third-party-'));
  const bin = join(folder, 'bin');
  const packageFolder = join(folder, 'node_modules/iam-tokend');
  unpackTarball(packageFolder);
  mkdirSync(bin);
  symlinkSync(join(packageFolder, 'dist/bin/iam-token.js'), join(bin, 'iam-token'));
  // The same as by `iam-token install`.
  writeFileSync(
    join(bin, 'docker-credential-iam-token'),
    '#!/bin/sh\nexec iam-token docker-credential "$@"\n',
    {
      mode: 0o755,
    },
  );
  const manifest = JSON.parse(readFileSync(join(packagesFolder, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  for (const name of Object.keys(manifest.dependencies)) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
    symlinkSync(join(packagesFolder, 'node_modules', name), join(folder, 'node_modules', name));
  }
  return {
    folder,
    bin,
    write: (files) => {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** A long-running process that does its work once for each line of stdin. */
export interface WorkerProcess {
  /**
   * @param input the line to read; empty unless given
   * @returns the line that it printed
   */
  runOnce(input?: string): Promise<string>;
  isAlive(): boolean;
  stop(): Promise<void>;
}

/** @param moduleText a module that defines the function `work`; the worker prints `done` or the error */
export function startNodeWorker(
  workspace: Workspace,
  name: string,
  moduleText: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): WorkerProcess {
  const workLoop = `
    import { createInterface } from 'node:readline';
    for await (const _ of createInterface({ input: process.stdin })) {
      console.log(await Promise.resolve().then(work).then(() => 'done', (error) => String(error).replaceAll('\\n', ' ')));
    }
    process.exit();`;
  workspace.write({ [`${name}.mjs`]: moduleText + workLoop });
  return startWorker(process.execPath, [`${name}.mjs`, ...args], workspace.folder, environment);
}

export function startWorker(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): WorkerProcess {
  const child = spawn(program, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  let stderrText = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderrText += chunk));
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exitEvent = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    runOnce: async (input = '') => {
      child.stdin.write(`${input}\n`);
      const { value, done = false } = await lines.next();
      return done ? `the worker exited: ${stderrText}` : String(value);
    },
    isAlive: () => child.exitCode === null && child.signalCode === null,
    stop: async () => {
      child.stdin.end();
      await exitEvent;
    },
  };
}
