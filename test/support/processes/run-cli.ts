import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ProcessResult, waitForExit } from './process-result.ts';

/** The bundle under test. */
export const clientBundle = fileURLToPath(new URL('../../../bin/iam-token.js', import.meta.url));

export type CliResult = ProcessResult;

export interface CliOptions {
  /** `IAM_TOKEND_SOCKET`; a missing folder unless given. */
  readonly socket?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Buffer;
}

/** An environment without variables of the user, such as a token, a profile or colours. */
export function buildCleanEnv({ socket, env }: CliOptions): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    TZ: 'UTC',
    IAM_TOKEND_SOCKET: socket ?? '/nowhere/iam-tokend/ipc.sock',
    ...env,
  };
}

/** Runs `iam-token` with pipes, without a terminal. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return waitForExit(
    spawn(process.execPath, [clientBundle, ...args], { env: buildCleanEnv(options) }),
    options.stdin,
  );
}
