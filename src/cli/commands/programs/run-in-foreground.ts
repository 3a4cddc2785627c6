import type { ChildProcess, StdioOptions } from 'node:child_process';
import { errorCode } from '../../../shared/error-utils.ts';
import { usageError } from '../../cli-errors.ts';
import { isTerminal, printError } from '../../terminal/terminal.ts';

/** As in a shell (POSIX, "Exit Status for Commands"). */
const notFoundExitCode = 127;
const notExecutableExitCode = 126;

/** Sent to this process only. Signals from terminal keys reach the child too, and must not arrive twice. */
const forwardedSignals = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
const terminalSignals = ['SIGINT', 'SIGQUIT'] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Runs a program as a replacement of this process, as far as Node can: with its terminal, streams and other descriptors,
 * and its signals forwarded.
 * @param descriptors as `findInheritedDescriptors` returns them
 * @returns the exit code; 128 plus the signal's number if a signal ended the program
 */
export function runInForeground(
  [program = '', ...args]: readonly string[],
  env: Environment,
  descriptors: readonly number[],
): Promise<number> {
  const { constants } = process.getBuiltinModule('node:os');
  if (program === '') throw usageError('the command is empty');
  const hasTerminal = isTerminal('stdin') || isTerminal('stdout') || isTerminal('stderr');
  // Before the start: the program may send a signal at once.
  const forwardSignal = (signal: NodeJS.Signals): void => void child?.kill(signal);
  for (const signal of forwardedSignals) process.on(signal, forwardSignal);
  for (const signal of terminalSignals) process.on(signal, hasTerminal ? () => undefined : forwardSignal);
  let child: ChildProcess | undefined;
  return new Promise<number>((resolve, reject) => {
    // `spawn` throws some errors, and emits others later.
    child = spawnWithDescriptors(program, args, env, descriptors);
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  }).catch((error: unknown) => reportSpawnFailure(program, error));
}

/** Without the other descriptors if the system does not hand one on: the program may not need it. */
function spawnWithDescriptors(
  program: string,
  args: readonly string[],
  env: Environment,
  descriptors: readonly number[],
): ChildProcess {
  const { spawn } = process.getBuiltinModule('node:child_process');
  try {
    return spawn(program, args, { env, stdio: createStdio(descriptors) });
  } catch (error) {
    if (errorCode(error) !== 'EBADF') throw error;
    return spawn(program, args, { env, stdio: 'inherit' });
  }
}

/** Each descriptor keeps its number. */
function createStdio(descriptors: readonly number[]): StdioOptions {
  const numbers = new Set([0, 1, 2, ...descriptors]);
  return Array.from({ length: Math.max(...numbers) + 1 }, (_, number) =>
    numbers.has(number) ? number : 'ignore',
  );
}

function reportSpawnFailure(program: string, error: unknown): number {
  const code = errorCode(error) ?? String(error);
  const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
  if (isMissing) printError(`command not found: ${program}`);
  else if (code === 'EACCES' || code === 'ENOEXEC') printError(`not executable: ${program}`);
  else printError(`cannot run ${program}: ${code}`);
  return isMissing ? notFoundExitCode : notExecutableExitCode;
}
