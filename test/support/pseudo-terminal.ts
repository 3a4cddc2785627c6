import { spawn } from 'node:child_process';
import { bundle, cleanEnv, type CliOptions } from './run-cli.ts';

export interface Step {
  /** Waits until this was written. */
  readonly expect: string;
  /** Then types this; each text by itself, so that they arrive apart. */
  readonly type?: readonly string[];
  /** Or sends the program a signal. */
  readonly signal?: number;
  /** Or has somebody else act. */
  readonly act?: () => void;
}

export interface TerminalRun {
  /** All that a person would have seen, `stdout` and `stderr` together. */
  readonly screen: string;
  readonly code: number;
  /** Whether the terminal showed what was typed: when each step's text had come, and at the end. */
  readonly echo: readonly boolean[];
}

/** Runs `iam-token`, or another program, in a pseudo-terminal of 80 columns and 24 rows, with python3 as the driver. */
export async function runInTerminal(
  args: readonly string[],
  steps: readonly Step[],
  options: CliOptions & { readonly program?: readonly string[] } = {},
): Promise<TerminalRun> {
  const driver = spawn(
    'python3',
    ['-c', script, ...(options.program ?? [process.execPath, bundle]), ...args],
    {
      env: { TERM: 'xterm', ...cleanEnv(options) },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  let screen = '';
  let rest = '';
  let code: number | undefined;
  const echo: boolean[] = [];
  const left = [...steps];
  const say = (order: object): void => void driver.stdin.write(`${JSON.stringify(order)}\n`);
  driver.stdin.on('error', () => {});
  driver.stdout.setEncoding('utf8');
  driver.stdout.on('data', (piece: string) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const report = JSON.parse(line) as { screen?: string; code?: number; echo: boolean };
      screen += report.screen ?? '';
      if (report.code !== undefined) {
        code = report.code;
        echo.push(report.echo);
      }
      const [step] = left;
      if (step === undefined || !screen.includes(step.expect)) continue;
      left.shift();
      echo.push(report.echo);
      for (const type of step.type ?? []) say({ type });
      if (step.signal !== undefined) say({ signal: step.signal });
      step.act?.();
    }
  });
  await new Promise<void>((resolve, reject) => {
    driver.once('error', reject);
    driver.once('close', () => resolve());
  });
  if (code === undefined)
    throw new Error(`the terminal's driver failed; seen so far: ${JSON.stringify(screen)}`);
  if (left[0] !== undefined)
    throw new Error(`never seen: ${left[0].expect}; seen: ${JSON.stringify(screen)}`);
  return { screen, code, echo };
}

/** Takes orders, a line of JSON each, and reports what appears, whether the terminal echoes, and the exit code. */
const script = `
import codecs, fcntl, json, os, pty, select, struct, sys, termios, time

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))

def report(**what):
    echo = bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
    print(json.dumps({**what, 'echo': echo}), flush=True)

decode = codecs.getincrementaldecoder('utf-8')('replace').decode
orders = b''
open_inputs = [terminal, 0]
while True:
    ready, _, _ = select.select(open_inputs, [], [], 15)
    if not ready:
        os.kill(pid, 9)
    if terminal in ready:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        report(screen=decode(piece))
    if 0 in ready:
        piece = os.read(0, 65536)
        if not piece:
            open_inputs.remove(0)
        orders += piece
        while b'\\n' in orders:
            order, orders = orders.split(b'\\n', 1)
            order = json.loads(order)
            if 'signal' in order:
                os.kill(pid, order['signal'])
            else:
                os.write(terminal, order['type'].encode())
                time.sleep(0.03)
_, status = os.waitpid(pid, 0)
report(code=os.waitstatus_to_exitcode(status))
`;
