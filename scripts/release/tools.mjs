// The programs that a release runs, and its npm packages.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process, { env } from 'node:process';

/** By Node's name: its name in Debian. */
export const architectures = { x64: 'amd64', arm64: 'arm64' };

/** In scripts/release. */
export const toolsFolder = 'scripts/release/node_modules';

/** With their Debian packages; the last three are for the image. */
const programs = {
  git: 'git',
  tar: 'tar',
  gzip: 'gzip',
  'dpkg-deb': 'dpkg',
  buildah: 'buildah',
  debootstrap: 'debootstrap',
  'tini-static': 'tini',
};

/** @throws Error if the program fails */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { stdio: 'inherit', ...options });
  if (result.status === 0) return;
  const reason = result.error?.message ?? `exit code ${result.status ?? result.signal}`;
  throw new Error(`${program} ${args.join(' ')} failed: ${reason}`);
}

/** @returns the trimmed output */
export function read(program, args, options = {}) {
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
  if (result.status === 0) return result.stdout.trim();
  throw new Error(`${program} ${args.join(' ')} failed: ${result.error?.message ?? result.stderr}`);
}

/** Before the first step, because the last one needs root. @throws Error that names what is missing */
export function requirePrograms(isChecking) {
  if (process.getuid?.() !== 0) throw new Error('must run as root: debootstrap changes owners for the image');
  const required = isChecking ? { ...programs, lintian: 'lintian' } : programs;
  const folders = (env['PATH'] ?? '').split(':');
  const missing = Object.keys(required).filter(
    (name) => !folders.some((folder) => existsSync(join(folder, name))),
  );
  if (missing.length === 0) return;
  const packages = missing.map((name) => required[name]).join(' ');
  throw new Error(`not installed: ${missing.join(', ')}\nrelease: hint: apt-get install ${packages}`);
}

const readLockfile = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : {});

/** Installs the packages of scripts/release, for both architectures; npm compares each with the lockfile's hash. */
export function installTools() {
  const required = readLockfile('scripts/release/package-lock.json');
  const isInstalled = (folder) =>
    installed[folder]?.integrity === required[folder].integrity && existsSync(`scripts/release/${folder}`);
  const installed = readLockfile(`${toolsFolder}/.package-lock.json`);
  const mandatory = Object.keys(required).filter((folder) => folder !== '' && !required[folder].optional);
  if (!mandatory.every(isInstalled)) {
    // --force: one of the two architectures is not that of this machine.
    const args = ['ci', '--force', '--ignore-scripts', '--omit=optional', '--loglevel=error', '--no-audit'];
    run('npm', [...args, '--no-fund', '--prefix', 'scripts/release']);
  }
  requireSameKoffi(required);
}

/** The self-contained packages must have the koffi that the tests ran with. */
function requireSameKoffi(tools) {
  const project = readLockfile('package-lock.json');
  for (const arch of Object.keys(architectures)) {
    const folder = `node_modules/@koromix/koffi-linux-${arch}`;
    if (tools[folder].integrity !== project[folder].integrity)
      throw new Error(
        `scripts/release/package.json must name koffi-linux-${arch} ${project[folder].version}`,
      );
  }
}
