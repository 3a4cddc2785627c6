import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export interface GuardedProcess {
  readonly pid: number;
  /** Must be read, or the program may stand still one day. */
  readonly stdout: Readable;
  /** Kills it, stopped or not, and waits for its end. */
  stop(): Promise<void>;
}

export interface GuardedProcessOptions {
  readonly environment: NodeJS.ProcessEnv;
  /** Everything it finds on its stdin. */
  readonly input?: string;
}

/**
 * The guard: a shell that starts the program and then waits for the end of its stdin, whose other end this process
 * alone holds. So it ends too when this process is killed. (`PR_SET_PDEATHSIG` would be lost: gnome-keyring-daemon
 * has file capabilities.)
 */
const guard = `
exec 5<&0
"$@" <&3 3<&- 4>&- 5<&- 2>/dev/null &
exec 1>&- 3<&-
echo $! >&4
read -r _ <&5
kill -KILL $!
wait $!
`;

/** Starts a program that ends when `stop` is called and when this process ends, however it ends. */
export async function startGuarded(
  command: readonly string[],
  { environment, input = '' }: GuardedProcessOptions,
): Promise<GuardedProcess> {
  const shell = spawn('sh', ['-c', guard, 'guard', ...command], {
    env: environment,
    stdio: ['pipe', 'pipe', 'ignore', 'pipe', 'pipe'],
    detached: true, // a Ctrl-C in the terminal must not reach the guard before it has done its work
  });
  type Streams = [Writable, Readable, null, Writable, Readable];
  const [life, stdout, , stdin, pids] = shell.stdio as unknown as Streams;
  const ended = once(shell, 'exit');
  stdin.on('error', () => {}); // a program may end without reading its input
  stdin.end(input);
  const [pid] = (await once(createInterface(pids), 'line')) as [string];
  return {
    pid: Number(pid),
    stdout,
    async stop() {
      life.end();
      await ended;
    },
  };
}
