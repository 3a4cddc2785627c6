import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export interface GuardedProcess {
  readonly pid: number;
  /** Must be read, or the program blocks when the pipe is full. */
  readonly stdout: Readable;
  /** Kills the process, even if it is stopped, and waits for its exit. */
  stop(): Promise<void>;
}

export interface GuardedProcessOptions {
  readonly environment: NodeJS.ProcessEnv;
  /** The contents of its stdin. */
  readonly input?: string;
}

/**
 * A shell that starts the program and waits for the end of its stdin, whose other end only this process holds: it ends
 * with this process. `PR_SET_PDEATHSIG` does not work, because gnome-keyring-daemon has file capabilities.
 */
const guardScript = `
exec 5<&0
"$@" <&3 3<&- 4>&- 5<&- 2>/dev/null &
exec 1>&- 3<&-
echo $! >&4
read -r _ <&5
kill -KILL $!
wait $!
`;

/** Starts a program that ends when `stop` is called and when this process exits or is killed. */
export async function startGuardedProcess(
  command: readonly string[],
  { environment, input = '' }: GuardedProcessOptions,
): Promise<GuardedProcess> {
  const shell = spawn('sh', ['-c', guardScript, 'guard', ...command], {
    env: environment,
    stdio: ['pipe', 'pipe', 'ignore', 'pipe', 'pipe'],
    detached: true, // Ctrl-C in the terminal must not reach the guard before it has cleaned up.
  });
  type Streams = [Writable, Readable, null, Writable, Readable];
  const [lifeline, stdout, , stdin, pidStream] = shell.stdio as unknown as Streams;
  const exitEvent = once(shell, 'exit');
  stdin.on('error', () => {}); // a program may end without reading its input
  stdin.end(input);
  const [pid] = (await once(createInterface(pidStream), 'line')) as [string];
  return {
    pid: Number(pid),
    stdout,
    async stop() {
      lifeline.end();
      await exitEvent;
    },
  };
}
