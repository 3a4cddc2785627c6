import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The bundle under test; this file runs as dist/test/support/run-cli.js. */
export const bundle = fileURLToPath(new URL('../../bin/iam-token.js', import.meta.url));

export interface CliRun {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

export interface CliOptions {
  /** `IAM_TOKEND_SOCKET`; without it a folder that is not there stands for the usual place. */
  readonly socket?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Buffer;
}

/** Nothing of the tester's own: no token, no profile, no colour. */
export function cleanEnv({ socket, env }: CliOptions): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    TZ: 'UTC',
    IAM_TOKEND_SOCKET: socket ?? '/nowhere/iam-tokend/ipc.sock',
    ...env,
  };
}

/** Runs `iam-token` with pipes around it, and no terminal. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bundle, ...args], { env: cleanEnv(options) });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8');
      child[name].on('data', (piece: string) => {
        output[name] += piece;
      });
    }
    // A client that does not read its stdin to the end is no failure.
    child.stdin.on('error', () => {});
    child.stdin.end(options.stdin ?? '');
    child.once('error', reject);
    child.once('close', (code) => resolve({ ...output, code }));
  });
}
