/** One run of somebody else's program. */
export interface ProgramRun {
  /** Absolute. */
  readonly path: string;
  readonly args: readonly string[];
  /** Beside the daemon's own environment, which never has ours or yc's variables there; `undefined` takes one away. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Looked at as it speaks: `true` ends it. */
  readonly stopWhen?: (said: ProgramOutput) => boolean;
}

export interface ProgramOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * How it went, and what it said until then:
 * - `exited` by itself; `killed` by somebody else;
 * - `stopped` by `stopWhen`, `given_up` by the signal, `too_much` for over 64 KiB of output: by us, with all that it
 *   had started;
 * - `not_started`: it never ran; `code` is the system's, like `ENOENT` where it is not there.
 */
export type ProgramEnd = ProgramOutput &
  (
    | { readonly how: 'exited'; readonly code: number }
    | { readonly how: 'killed'; readonly signal: string }
    | { readonly how: 'stopped' | 'given_up' | 'too_much' }
    | { readonly how: 'not_started'; readonly code: string }
  );

export interface Programs {
  /** Absolute path of a program, as a person's own shell would find it. */
  find(name: string): string | null;
  /** Without a terminal and with an empty stdin. Never throws. */
  run(program: ProgramRun, signal: AbortSignal): Promise<ProgramEnd>;
}
