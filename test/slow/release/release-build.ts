/** Releases, built from copies of this checkout. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../../conventions/source-tree.ts';
import { trackedFiles } from '../../conventions/tracked-files.ts';
import { type ProcessResult, waitForExit } from '../../support/processes/process-result.ts';

/** The base of the image, which the tests of the image use too. */
const imageBase = join(root, 'dist/image-base');

/** The npm packages of scripts/release, for both architectures. */
export function installReleaseTools(): void {
  const script = `import { installTools } from './scripts/release/tools.mjs'; installTools();`;
  const args = ['--input-type=module', '--eval', script];
  execFileSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Clones this checkout, with its uncommitted changes and its npm packages. */
export function cloneCheckout(folder: string): void {
  mkdirSync(folder, { recursive: true });
  execFileSync('git', ['clone', '--quiet', '--no-checkout', root, folder]);
  for (const path of trackedFiles()) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path), { verbatimSymlinks: true });
  }
  for (const path of ['node_modules', 'scripts/release/node_modules'])
    execFileSync('cp', ['--archive', '--link', join(root, path), join(folder, path)]);
}

/**
 * Gives each clone the native clients of all targets. They are compiled once for each source, because Zig compiles a C
 * library for each target.
 */
export async function provideNativeClients(clones: readonly string[]): Promise<void> {
  const cache = join(root, 'node_modules/.cache/native');
  const [first = ''] = clones;
  const native = join(first, 'dist/native');
  for (const source of [cache, join(root, 'dist/native')]) {
    if (hasAllNativeClients(first)) break;
    rmSync(native, { recursive: true, force: true });
    if (existsSync(source)) cpSync(source, native, { recursive: true });
  }
  if (!hasAllNativeClients(first)) {
    const args = ['run', '--silent', 'build:native'];
    const { code, stderr } = await waitForExit(
      spawn('npm', args, { cwd: first, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    if (code !== 0) throw new Error(stderr);
  }
  rmSync(cache, { recursive: true, force: true });
  for (const target of [cache, ...clones.slice(1).map((clone) => join(clone, 'dist/native'))])
    cpSync(native, target, { recursive: true });
}

function hasAllNativeClients(folder: string): boolean {
  const script = `import { hasAllNativeClients } from './scripts/native-clients.mjs'; process.exit(hasAllNativeClients() ? 0 : 1)`;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', script], { cwd: folder }).status === 0;
}

/** The root of a minimal Debian, with the date that is in its name: that of the commit for which it was built. */
function findImageBases(): readonly string[] {
  if (!existsSync(imageBase)) return [];
  return readdirSync(imageBase).filter((name) => /^bookworm-\w+-\d+\.tar$/.test(name));
}

/** @returns the archive */
export function findImageBase(): string {
  const [name] = findImageBases();
  if (name === undefined) throw new Error(`${imageBase} is empty`);
  return join(imageBase, name);
}

/** Runs `npm run release` without the checks, which are those of this test run. @param prefix of the command */
function buildRelease(
  checkout: string,
  output: string,
  prefix: readonly string[] = [],
): Promise<ProcessResult> {
  const options = ['--skip-checks', '--image-base', imageBase, '--output', output];
  const [program = '', ...args] = [...prefix, process.execPath, 'scripts/release/run.mjs', ...options];
  const [, date] = /-(\d+)\.tar$/.exec(findImageBases()[0] ?? '') ?? [];
  const env = { ...process.env, ...(date === undefined ? {} : { SOURCE_DATE_EPOCH: date }) };
  return waitForExit(spawn(program, args, { cwd: checkout, env, stdio: ['ignore', 'pipe', 'pipe'] }));
}

/**
 * Builds a release twice. The second time in another folder, with files that only root can read, in another time zone and
 * language, without a home folder and without a network.
 */
export async function buildTwice(
  clones: readonly [string, string],
  outputs: readonly [string, string],
): Promise<void> {
  const hasBase = findImageBases().length > 0;
  const first = buildRelease(clones[0], outputs[0]);
  if (!hasBase) await first;
  execFileSync('chmod', ['--recursive', 'go=', join(clones[1], 'src'), join(clones[1], 'scripts')]);
  execFileSync('chmod', ['go=', ...readdirSync(clones[1]).map((name) => join(clones[1], name))]);
  const variables = ['TZ=Asia/Tokyo', 'LANG=de_DE.UTF-8', 'LC_ALL=de_DE.UTF-8', `HOME=${clones[1]}`];
  const second = buildRelease(clones[1], outputs[1], ['unshare', '--net', 'env', ...variables]);
  for (const { code, stdout, stderr } of await Promise.all([first, second]))
    if (code !== 0) throw new Error(stdout + stderr);
}
