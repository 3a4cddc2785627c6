// Compiles the native client, src/native/iam-token.c, to dist/native/TARGET/iam-token.
//   node scripts/build-native.mjs          all targets, with the `zig` in PATH; and dist/native/SHA256SUMS.
//                                          `npm run build:native` fetches Zig for it.
//   node scripts/build-native.mjs --host   this machine's target, with `cc`. Without a compiler it does nothing:
//                                          the JavaScript client does all that the native one does.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  hasAllNativeClients,
  hashOf,
  nativeSource as source,
  nativeSums,
  sourceLine,
} from './native-clients.mjs';

const warnings = ['-std=c11', '-Wall', '-Wextra', '-Wshadow'];
const hardening = ['-fstack-protector-strong', '-D_FORTIFY_SOURCE=2'];

/** By the names of Node: process.platform and process.arch. On Linux static, with musl: it starts fastest, and everywhere. */
const zigTargets = {
  'linux-x64': ['x86_64-linux-musl', '-static'],
  'linux-arm64': ['aarch64-linux-musl', '-static'],
  'darwin-x64': ['x86_64-macos.12.0'],
  'darwin-arm64': ['aarch64-macos.12.0'],
  'win32-x64': ['x86_64-windows-gnu', '-lbcrypt', '-ladvapi32'],
  'win32-arm64': ['aarch64-windows-gnu', '-lbcrypt', '-ladvapi32'],
};
/** The limit of all programs together, in bytes. */
const maxTotalBytes = 1_000_000;

function prepareOutput(target) {
  const folder = `dist/native/${target}`;
  mkdirSync(folder, { recursive: true });
  return `${folder}/iam-token${target.startsWith('win32') ? '.exe' : ''}`;
}

/** Static where the C library is there for it, because that starts twice as fast. */
function buildForHost() {
  if (hasAllNativeClients()) return;
  rmSync('dist/native', { recursive: true, force: true });
  const target = `${process.platform}-${process.arch}`;
  const output = prepareOutput(target);
  const compile = (...options) =>
    spawnSync('cc', [...warnings, ...hardening, '-O2', '-s', ...options, '-o', output, source], {
      encoding: 'utf8',
    });
  const isSupported = process.platform !== 'win32';
  if (isSupported && compile('-static').status === 0) return;
  const result = isSupported ? compile() : null;
  if (result?.status === 0) return;
  rmSync('dist/native', { recursive: true });
  process.stderr.write(`the native client was not built: ${result?.stderr || 'no C compiler'}\n`);
}

function buildForTarget([target, [zigTarget, ...options]]) {
  const output = prepareOutput(target);
  const args = ['cc', '-target', zigTarget, ...warnings, ...hardening, '-Os', '-s', '-g0', '-Werror'];
  const { status, error } = spawnSync('zig', [...args, source, '-o', output, ...options], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`cannot build ${output}: ${error?.message ?? `zig cc failed`}`);
  // Symbols for a debugger, which Zig writes beside a program for Windows.
  if (output.endsWith('.exe')) rmSync(output.replace(/exe$/, 'pdb'), { force: true });
  return output;
}

function buildAll() {
  rmSync('dist/native', { recursive: true, force: true });
  const outputs = Object.entries(zigTargets).map(buildForTarget);
  const sums = outputs.map((path) => `${hashOf(path)}  ${path.replace('dist/native/', '')}\n`);
  writeFileSync(nativeSums, sourceLine() + sums.join(''));
  const totalBytes = outputs.reduce((sum, path) => sum + statSync(path).size, 0);
  process.stdout.write(`${sums.join('')}${totalBytes} bytes\n`);
  if (totalBytes > maxTotalBytes) throw new Error(`the native clients have over ${maxTotalBytes} bytes`);
}

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
if (process.argv[2] === '--host') buildForHost();
else buildAll();
