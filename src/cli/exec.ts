import type { ChildProcess } from 'node:child_process';
import { systemCodeOf } from '../shared/thrown.ts';
import type { Command } from './command.ts';
import { usageError } from './endings.ts';
import { tokenEnvironment } from './env.ts';
import { isTerminal, printError } from './terminal.ts';

/** Runs a command with the token in its environment; its exit code is ours. */
export const exec: Command = async (call) => {
  const variables = await tokenEnvironment(call);
  return runThrough(call.foreign, { ...call.surroundings.env, ...variables });
};

/** As a shell ends where a command is not found, or is no program (POSIX, "Exit Status for Commands"). */
const notFoundExitCode = 127;
const notExecutableExitCode = 126;

/** Sent to us alone. On a terminal, what its keys send goes to the program as well, which must not get it twice. */
const passedOn = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
const ofKeys = ['SIGINT', 'SIGQUIT'] as const;

/**
 * Runs a program in our place, as well as Node can: it has our terminal and our streams, gets the signals that we get,
 * and its end is ours.
 * @returns its exit code; 128 and the signal's number where a signal ended it
 */
export function runThrough(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  const { constants } = process.getBuiltinModule('node:os');
  if (program === '') throw usageError('the command has no name');
  const hasTerminal = isTerminal('stdin') || isTerminal('stdout') || isTerminal('stderr');
  // Before there is a program: one may send us a signal as soon as it runs.
  const passOn = (signal: NodeJS.Signals): void => void child?.kill(signal);
  for (const signal of passedOn) process.on(signal, passOn);
  for (const signal of ofKeys) process.on(signal, hasTerminal ? () => undefined : passOn);
  let child: ChildProcess | undefined;
  return new Promise<number>((resolve, reject) => {
    // Some errors of `spawn` are thrown, and some come later.
    child = spawn(program, args, { env, stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  }).catch((error: unknown) => notStarted(program, error));
}

function notStarted(program: string, error: unknown): number {
  const code = systemCodeOf(error) ?? String(error);
  const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
  if (isMissing) printError(`${program} is not found`);
  else if (code === 'EACCES' || code === 'ENOEXEC') printError(`${program} is no program that may be run`);
  else printError(`${program} could not be started (${code})`);
  return isMissing ? notFoundExitCode : notExecutableExitCode;
}
