import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Ended, ended } from './ended.ts';

/** The bundle under test; this file runs as dist/test/support/run-cli.js. */
export const bundle = fileURLToPath(new URL('../../bin/iam-token.js', import.meta.url));

export type CliRun = Ended;

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
  return ended(spawn(process.execPath, [bundle, ...args], { env: cleanEnv(options) }), options.stdin);
}
