import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../house/source-tree.ts';
import { unpackPacked } from './packed-installation.ts';

/** Where `scripts/test --all` installs them. */
const packages = join(root, 'test/all/third-party');

/** A package of theirs, for a server of ours; typed by whoever asks. */
export function thirdPartyPackage(name: string): unknown {
  return createRequire(join(packages, 'package.json'))(name);
}

/** A person's folder: the packages of others beside the packed library, and the programs in `bin`. */
export interface Workplace {
  readonly folder: string;
  /** To be first in the PATH. */
  readonly bin: string;
  /** @param files more, as names and texts */
  write(files: Readonly<Record<string, string>>): void;
  remove(): void;
}

export function makeWorkplace(): Workplace {
  const folder = mkdtempSync(join(tmpdir(), 'third-party-'));
  const bin = join(folder, 'bin');
  const ours = join(folder, 'node_modules/iam-tokend');
  unpackPacked(ours);
  mkdirSync(bin);
  symlinkSync(join(ours, 'dist/bin/iam-token.js'), join(bin, 'iam-token'));
  // As `iam-token install` writes it.
  writeFileSync(
    join(bin, 'docker-credential-iam-token'),
    '#!/bin/sh\nexec iam-token docker-credential "$@"\n',
    {
      mode: 0o755,
    },
  );
  const manifest = JSON.parse(readFileSync(join(packages, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  for (const name of Object.keys(manifest.dependencies)) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
    symlinkSync(join(packages, 'node_modules', name), join(folder, 'node_modules', name));
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

/** A process of its own that goes on, and does its work once for each line. */
export interface Worker {
  /**
   * @param order what it reads; an empty line unless given
   * @returns the line that it printed of this piece of work
   */
  work(order?: string): Promise<string>;
  isAlive(): boolean;
  end(): Promise<void>;
}

/** @param lines of a module that defines `work`, a function; it prints `done`, or what went wrong */
export function nodeWorker(
  workplace: Workplace,
  name: string,
  lines: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Worker {
  const loop = `
    import { createInterface } from 'node:readline';
    for await (const _ of createInterface({ input: process.stdin })) {
      console.log(await Promise.resolve().then(work).then(() => 'done', (error) => String(error).replaceAll('\\n', ' ')));
    }
    process.exit();`;
  workplace.write({ [`${name}.mjs`]: lines + loop });
  return worker(process.execPath, [`${name}.mjs`, ...args], workplace.folder, environment);
}

export function worker(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Worker {
  const child = spawn(program, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (complaint += piece));
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    work: async (order = '') => {
      child.stdin.write(`${order}\n`);
      const { value, done = false } = await lines.next();
      return done ? `it ended: ${complaint}` : String(value);
    },
    isAlive: () => child.exitCode === null && child.signalCode === null,
    end: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
