import type { ChildProcess } from 'node:child_process';
import { FileDeadline } from '../files/file-deadline.ts';
import { findReplaceablePart, leadsThroughProc } from '../files/path-parts/replaceable-part.ts';
import { probeProgram } from '../files/path-parts/probe-program.ts';
import { programCandidates } from '../platform/program-candidates.ts';
import { pathModuleOf, type ProcessContext } from '../platform/paths.ts';
import { withoutUnsafeVariables } from '../platform/unsafe-environment.ts';
import type { Clock } from '../shared/clock.ts';
import type { ProgramResult, ProgramInvocation, ProgramRunner } from '../shared/program-runner.ts';
import { errorCode } from '../shared/error-utils.ts';

const maxOutputChars = 64 * 1024;
/** A background process that the program left behind may hold its pipes open; they are closed after this time. */
const pipeCloseTimeoutMs = 200;
/**
 * With these, a program could call the daemon, use another credential, find the key of the file store, or talk to the
 * service manager in the daemon's name.
 */
const withheldVariables = /^(?:YC_|IAM_TOKEN|CREDENTIALS_DIRECTORY$|NOTIFY_SOCKET$|LISTEN_)/i;

/**
 * Runs other programs, each in its own session: without a terminal, and killed together with its children, also if this
 * process ends first.
 */
export function createProgramRunner(
  context: Pick<ProcessContext, 'platform' | 'env' | 'home'>,
  clock: Clock,
  isExecutable: (path: string) => boolean,
): ProgramRunner {
  const fileDeadline = new FileDeadline(clock);
  const listCandidates = (name: string): readonly string[] =>
    pathModuleOf(context.platform).isAbsolute(name) ? [name] : programCandidates(name, context);
  return {
    requireResponsive: async (name) => {
      for (const path of listCandidates(name)) if (await probeProgram(path, fileDeadline)) return;
    },
    findAccessViolation: async (path) => {
      const uid = process.getuid?.();
      if (uid === undefined) return null;
      return fileDeadline.run(`access to ${path}`, async () => {
        if (await leadsThroughProc(path)) return `${path} leads through /proc`;
        return (await findReplaceablePart(path, uid))?.message ?? null;
      });
    },
    find: (name) => listCandidates(name).find((path) => isExecutable(path)) ?? null,
    run: async (invocation, signal) => {
      let child: ChildProcess;
      try {
        await probeProgram(invocation.path, fileDeadline);
      } catch {
        return { outcome: 'not_started', code: 'ETIMEDOUT', stdout: '', stderr: '' };
      }
      try {
        child = spawnProgram(invocation, context);
      } catch (error) {
        return notStartedResult(error);
      }
      const stopWatching = killGroupOnExit(child, context.platform);
      return waitForResult(child, invocation, clock, signal, () =>
        killProcessGroup(child, context.platform),
      ).finally(stopWatching);
    },
  };
}

function spawnProgram(
  { path, args, environment, stdin }: ProgramInvocation,
  { platform, env }: Pick<ProcessContext, 'platform' | 'env'>,
): ChildProcess {
  const isWindows = platform === 'win32';
  const inheritedVariables = Object.entries(withoutUnsafeVariables(env)).filter(
    ([name]) => !withheldVariables.test(name),
  );
  // Loaded at the first use: it would take a tenth of the daemon's start.
  return process.getBuiltinModule('node:child_process').spawn(path, args, {
    env: { ...Object.fromEntries(inheritedVariables), ...environment },
    cwd: isWindows ? undefined : '/',
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: !isWindows,
    windowsHide: true,
  });
}

/**
 * Not even SIGKILL lets this process kill a program first, and PR_SET_PDEATHSIG would not reach the program's children.
 * So a shell waits for the end of its stdin, which it has in common with no other process. On Windows, libuv's job object
 * does the same.
 * @returns ends the shell without killing the program
 */
function killGroupOnExit({ pid }: ChildProcess, platform: NodeJS.Platform): () => void {
  if (platform === 'win32' || pid === undefined) return () => undefined;
  const { spawn } = process.getBuiltinModule('node:child_process');
  const watcher = spawn('/bin/sh', ['-c', 'read -r _ || kill -s KILL -- "-$1"', 'sh', String(pid)], {
    env: {},
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Without a shell the program runs unwatched. A watcher that has already exited is harmless.
  watcher.on('error', () => undefined);
  watcher.stdin.on('error', () => undefined);
  return () => watcher.stdin.end('\n');
}

function killProcessGroup(child: ChildProcess, platform: NodeJS.Platform): void {
  if (child.pid === undefined) return;
  try {
    if (platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // They have just ended by themselves, or belong to another user, as those of sudo do.
    if (errorCode(error) !== 'ESRCH' && errorCode(error) !== 'EPERM') throw error;
  }
}

function waitForResult(
  child: ChildProcess,
  { stdin, stopWhen, killsChildrenAtExit }: ProgramInvocation,
  clock: Clock,
  signal: AbortSignal,
  kill: () => void,
): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const output = { stdout: '', stderr: '' };
    let isSettled = false;

    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
        if (isSettled) return;
        output[name] += chunk;
        if (output[name].length > maxOutputChars) stop('output_too_large');
        else if (stopWhen?.(output) === true) stop('stopped');
      });
    }
    // The program may exit, or close its stdin, without reading it.
    child.stdin?.on('error', () => undefined).end(stdin);
    const onAbort = (): void => stop('aborted');
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    child.once('error', (error) => settle(notStartedResult(error)));
    if (killsChildrenAtExit === true) child.once('exit', kill);
    child.once('close', onExit);
    child.once('exit', (code, signalName) =>
      clock.timeoutSignal(pipeCloseTimeoutMs).addEventListener('abort', () => onExit(code, signalName)),
    );

    function onExit(code: number | null, signalName: NodeJS.Signals | null): void {
      settle(
        code === null
          ? { ...output, outcome: 'killed', signal: String(signalName) }
          : { ...output, outcome: 'exited', code },
      );
    }

    function stop(outcome: 'stopped' | 'aborted' | 'output_too_large'): void {
      kill();
      settle({ ...output, outcome });
    }

    function settle(result: ProgramResult): void {
      if (isSettled) return;
      isSettled = true;
      signal.removeEventListener('abort', onAbort);
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve(result);
    }
  });
}

/** `spawn` throws some errors and emits others. */
function notStartedResult(error: unknown): ProgramResult {
  return { outcome: 'not_started', code: errorCode(error) ?? 'unknown', stdout: '', stderr: '' };
}
