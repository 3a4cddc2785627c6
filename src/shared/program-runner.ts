/** One run of an external program. */
export interface ProgramInvocation {
  /** An absolute path. */
  readonly path: string;
  readonly args: readonly string[];
  /** Added to the daemon's environment without its `YC_*` and `IAM_TOKEN*` variables; `undefined` removes a variable. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Default: empty. */
  readonly stdin?: string;
  /** Whether the processes that the program leaves running are killed when it exits. */
  readonly killsChildrenAtExit?: boolean;
  /** Called after each piece of output; `true` ends the program. */
  readonly stopWhen?: (output: ProgramOutput) => boolean;
}

export interface ProgramOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * How the program ended, and its output until then:
 * - `exited` by itself; `killed` by a signal from another process;
 * - `stopped` by `stopWhen`, `aborted` by the caller's signal, `output_too_large` after 64 KiB: the runner killed it, and all
 *   processes that it had started;
 * - `not_started`: `code` is the system's, such as `ENOENT`.
 */
export type ProgramResult = ProgramOutput &
  (
    | { readonly outcome: 'exited'; readonly code: number }
    | { readonly outcome: 'killed'; readonly signal: string }
    | { readonly outcome: 'stopped' | 'aborted' | 'output_too_large' }
    | { readonly outcome: 'not_started'; readonly code: string }
  );

export interface ProgramRunner {
  /**
   * Call this before `find`, which waits for the file systems of the folders in PATH.
   * @throws Error if one of them, or that of the program, does not respond
   */
  requireResponsive(name: string): Promise<void>;
  /**
   * The absolute path of a program, as the user's shell finds it; `null` if it is not installed.
   * @param name or an absolute path, which must be executable
   */
  find(name: string): string | null;
  /**
   * Why another user can replace this program, or a folder that its path leads through; `null`: only this user and root can.
   * @throws the system's error
   */
  findAccessViolation(path: string): Promise<string | null>;
  /** Runs without a terminal. Never throws; `ETIMEDOUT`: the file system of the program does not respond. */
  run(invocation: ProgramInvocation, signal: AbortSignal): Promise<ProgramResult>;
}
