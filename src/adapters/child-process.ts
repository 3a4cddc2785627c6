import { type ChildProcess, spawn } from 'node:child_process';
import { programPlaces } from '../platform/find-program.ts';
import type { Surroundings } from '../platform/places.ts';
import type { Clock } from '../shared/clock.ts';
import type { ProgramEnd, ProgramOutput, ProgramRun, Programs } from '../shared/programs.ts';
import { systemCodeOf } from '../shared/thrown.ts';

const longestOutput = 64 * 1024;
/** What a program started and left behind may hold its pipes: longer than this nobody waits for them to close. */
const afterExitMs = 200;
/** With these it could ask us for a token, take one that is not the person's choice, or find the store's key. */
const notForOthers = /^(?:YC_|IAM_TOKEN|CREDENTIALS_DIRECTORY$)/i;

export interface ProgramsParts {
  readonly surroundings: Pick<Surroundings, 'platform' | 'env' | 'home'>;
  readonly clock: Clock;
  readonly isExecutable: (path: string) => boolean;
}

/** Other programs, each in a session of its own: it reaches no terminal, and ends with all that it started. */
export function childProcesses({ surroundings, clock, isExecutable }: ProgramsParts): Programs {
  const { platform, env } = surroundings;
  return {
    find: (name) => programPlaces(name, surroundings).find((path) => isExecutable(path)) ?? null,
    run: (program, signal) =>
      new Promise((resolve) => {
        try {
          const child = started(program, environmentOf(env, program.environment), platform);
          watch(child, program, signal, clock, platform, resolve);
        } catch (error) {
          resolve(notStarted(error));
        }
      }),
  };
}

function started(
  { path, args }: ProgramRun,
  env: Record<string, string>,
  platform: NodeJS.Platform,
): ChildProcess {
  return spawn(path, args, {
    env,
    cwd: platform === 'win32' ? undefined : '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: platform !== 'win32',
    windowsHide: true,
  });
}

function environmentOf(
  own: Readonly<Record<string, string | undefined>>,
  change: ProgramRun['environment'],
): Record<string, string> {
  const clean = Object.entries(own).filter(([name]) => !notForOthers.test(name));
  const all = Object.entries({ ...Object.fromEntries(clean), ...change });
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function watch(
  child: ChildProcess,
  { stopWhen }: ProgramRun,
  signal: AbortSignal,
  clock: Clock,
  platform: NodeJS.Platform,
  resolve: (end: ProgramEnd) => void,
): void {
  const said: { stdout: string; stderr: string } = { stdout: '', stderr: '' };
  let isOver = false;

  listenTo('stdout');
  listenTo('stderr');
  const giveUp = (): void => stop('given_up');
  signal.addEventListener('abort', giveUp);
  if (signal.aborted) giveUp();
  child.once('error', (error) => over(notStarted(error)));
  child.once('close', ended);
  child.once('exit', (code, by) =>
    clock.deadline(afterExitMs).addEventListener('abort', () => ended(code, by)),
  );

  function listenTo(name: keyof ProgramOutput): void {
    child[name]?.setEncoding('utf8').on('data', (piece: string) => {
      if (isOver) return;
      said[name] += piece;
      if (said[name].length > longestOutput) stop('too_much');
      else if (stopWhen?.(said) === true) stop('stopped');
    });
  }

  function ended(code: number | null, by: NodeJS.Signals | null): void {
    over(code === null ? { ...said, how: 'killed', signal: String(by) } : { ...said, how: 'exited', code });
  }

  function stop(how: 'stopped' | 'given_up' | 'too_much'): void {
    killAll(child, platform);
    over({ ...said, how });
  }

  function over(end: ProgramEnd): void {
    if (isOver) return;
    isOver = true;
    signal.removeEventListener('abort', giveUp);
    child.stdout?.destroy();
    child.stderr?.destroy();
    resolve(end);
  }
}

/** Some errors of `spawn` are thrown, and some come later. */
function notStarted(error: unknown): ProgramEnd {
  const code = systemCodeOf(error) ?? 'unknown';
  return { how: 'not_started', code, stdout: '', stderr: '' };
}

function killAll(child: ChildProcess, platform: NodeJS.Platform): void {
  if (child.pid === undefined) return;
  try {
    if (platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // It ended in the same moment.
    if (systemCodeOf(error) !== 'ESRCH') throw error;
  }
}
