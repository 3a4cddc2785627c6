import type { Clock } from '../../shared/clock.ts';
import { errorReason } from '../../shared/error-utils.ts';
import type { ProgramResult, ProgramRunner } from '../../shared/program-runner.ts';

/** A program, by an absolute path or by its name on PATH, and its arguments. */
export type HookCommand = readonly string[];

/** A hook that runs longer is killed. */
export const hookTimeoutMs = 30_000;

export interface HookResult {
  /** Why it failed; `null` if it did not. */
  readonly failure: string | null;
  readonly output: string;
}

/** Runs a hook with `input` on its stdin, and kills what it leaves running. Never throws. */
export async function runHook(
  command: HookCommand,
  input: string,
  programs: ProgramRunner,
  clock: Pick<Clock, 'timeoutSignal'>,
  signal: AbortSignal,
): Promise<HookResult> {
  const program = await findHookProgram(command, programs);
  if (program.path === null) return { failure: program.failure, output: '' };
  const invocation = {
    path: program.path,
    args: command.slice(1),
    environment: {},
    stdin: input,
    killsChildrenAtExit: true,
  };
  const result = await programs.run(
    invocation,
    AbortSignal.any([signal, clock.timeoutSignal(hookTimeoutMs)]),
  );
  return { failure: describeFailure(result), output: `${result.stdout}\n${result.stderr}` };
}

/** @returns `failure`: why the program cannot be started */
export async function findHookProgram(
  [name = '']: HookCommand,
  programs: Pick<ProgramRunner, 'requireResponsive' | 'find' | 'findAccessViolation'>,
): Promise<{ readonly path: string } | { readonly path: null; readonly failure: string }> {
  try {
    await programs.requireResponsive(name);
    const path = programs.find(name);
    if (path === null) return { path, failure: 'there is no such program' };
    const violation = await programs.findAccessViolation(path);
    return violation === null
      ? { path }
      : { path: null, failure: `another user can replace it: ${violation}` };
  } catch (error) {
    return { path: null, failure: errorReason(error) };
  }
}

function describeFailure(result: ProgramResult): string | null {
  switch (result.outcome) {
    case 'exited':
      return result.code === 0 ? null : `exit code ${result.code}`;
    case 'killed':
      return `killed by ${result.signal}`;
    case 'not_started':
      return `it cannot be started (${result.code})`;
    case 'output_too_large':
      return 'killed, because its output exceeds 64 KiB';
    case 'aborted':
    case 'stopped':
      return `killed after ${hookTimeoutMs / 1_000} s`;
    default:
      return result satisfies never;
  }
}
