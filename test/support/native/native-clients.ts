import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../conventions/source-tree.ts';
import { type ProcessResult, waitForExit } from '../processes/process-result.ts';
import { clientBundle } from '../processes/run-cli.ts';

/** A command that runs a client; its arguments follow. */
export type ClientCommand = readonly [string, ...string[]];

export const javaScriptClient: ClientCommand = [process.execPath, clientBundle];

/** The native client in `dist/native`; absent if neither `npm run build` nor `npm run build:native` could build it. */
export function nativeClientPath(target = `${process.platform}-${process.arch}`): string {
  return join(root, 'dist/native', target, `iam-token${target.startsWith('win32') ? '.exe' : ''}`);
}

export const hasNativeClient = existsSync(nativeClientPath());

/** The message of a native client that must hand over, and has nothing to hand over to. */
export const noClientMessage =
  'iam-token: error: cannot run the JavaScript client, which handles this call\n' +
  'iam-token: hint: put Node 20.19 or later in PATH; if it is there, install iam-tokend again\n';

/** Copies a native client to where there is no JavaScript client. @returns the path of the copy */
export function copyAlone(client: string, folder: string): string {
  const path = join(folder, 'a/b/c/iam-token');
  mkdirSync(join(folder, 'a/b/c'), { recursive: true });
  copyFileSync(client, path);
  chmodSync(path, 0o755);
  return path;
}

/** The native client of Linux on arm64, and the command that runs it here; `null` without emulator or compiler. */
export function findArm64Client(
  folder: string,
): { readonly path: string; readonly emulator: readonly string[] } | null {
  const emulator = ['/usr/bin/qemu-aarch64', '/usr/bin/qemu-aarch64-static'].find((path) => existsSync(path));
  if (emulator === undefined) return null;
  const built = nativeClientPath('linux-arm64');
  if (existsSync(built)) return { path: built, emulator: [emulator] };
  const target = join(folder, 'dist/native/linux-arm64');
  const path = join(target, 'iam-token');
  mkdirSync(target, { recursive: true });
  const args = ['-std=c11', '-O2', '-static', '-o', path, join(root, 'src/native/iam-token.c')];
  if (spawnSync('aarch64-linux-gnu-gcc', args).status !== 0) return null;
  return { path, emulator: [emulator] };
}

export interface RunOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string | undefined;
  readonly cwd?: string;
}

/** Runs a client with pipes, and nothing in its environment but `env`. */
export function runClient(
  [program, ...words]: ClientCommand,
  args: readonly string[],
  { env, stdin, cwd }: RunOptions,
): Promise<ProcessResult> {
  return waitForExit(
    spawn(program, [...words, ...args], { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] }),
    stdin,
  );
}
