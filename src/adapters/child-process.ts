import { type ChildProcess, spawn } from 'node:child_process';
import { programPlaces } from '../platform/find-program.ts';
import type { Surroundings } from '../platform/places.ts';
import type { Clock } from '../shared/clock.ts';
import type { ProgramEnd, ProgramRun, Programs } from '../shared/programs.ts';
import { systemCodeOf } from '../shared/thrown.ts';

const longestOutput = 64 * 1024;
/** What a program started and left behind may hold its pipes: longer than this nobody waits for them to close. */
const afterExitMs = 200;
/** With these it could ask us for a token, take one that is not the person's choice, or find the store's key. */
const notForOthers = /^(?:YC_|IAM_TOKEN|CREDENTIALS_DIRECTORY$)/i;

/** Other programs, each in a session of its own: it reaches no terminal, and ends with all that it started. */
export function childProcesses(
  surroundings: Pick<Surroundings, 'platform' | 'env' | 'home'>,
  clock: Clock,
  isExecutable: (path: string) => boolean,
): Programs {
  const { platform, env } = surroundings;
  const isWindows = platform === 'win32';

  function started({ path, args, environment }: ProgramRun): ChildProcess {
    const passedOn = Object.entries(env).filter(([name]) => !notForOthers.test(name));
    return spawn(path, args, {
      env: { ...Object.fromEntries(passedOn), ...environment },
      cwd: isWindows ? undefined : '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: !isWindows,
      windowsHide: true,
    });
  }

  function killAll(child: ChildProcess): void {
    if (child.pid === undefined) return;
    try {
      if (isWindows) child.kill('SIGKILL');
      else process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      // It ended in the same moment.
      if (systemCodeOf(error) !== 'ESRCH') throw error;
    }
  }

  function endOf(child: ChildProcess, { stopWhen }: ProgramRun, signal: AbortSignal): Promise<ProgramEnd> {
    return new Promise((resolve) => {
      const said = { stdout: '', stderr: '' };
      let isOver = false;

      for (const name of ['stdout', 'stderr'] as const) {
        child[name]?.setEncoding('utf8').on('data', (piece: string) => {
          if (isOver) return;
          said[name] += piece;
          if (said[name].length > longestOutput) stop('too_much');
          else if (stopWhen?.(said) === true) stop('stopped');
        });
      }
      const giveUp = (): void => stop('given_up');
      signal.addEventListener('abort', giveUp);
      if (signal.aborted) giveUp();
      child.once('error', (error) => over(notStarted(error)));
      child.once('close', ended);
      child.once('exit', (code, by) =>
        clock.deadline(afterExitMs).addEventListener('abort', () => ended(code, by)),
      );

      function ended(code: number | null, by: NodeJS.Signals | null): void {
        over(
          code === null ? { ...said, how: 'killed', signal: String(by) } : { ...said, how: 'exited', code },
        );
      }

      function stop(how: 'stopped' | 'given_up' | 'too_much'): void {
        killAll(child);
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
    });
  }

  return {
    find: (name) => programPlaces(name, surroundings).find((path) => isExecutable(path)) ?? null,
    run: async (program, signal) => {
      let child: ChildProcess;
      try {
        child = started(program);
      } catch (error) {
        return notStarted(error);
      }
      return endOf(child, program, signal);
    },
  };
}

/** Some errors of `spawn` are thrown, and some come later. */
function notStarted(error: unknown): ProgramEnd {
  const code = systemCodeOf(error) ?? 'unknown';
  return { how: 'not_started', code, stdout: '', stderr: '' };
}
