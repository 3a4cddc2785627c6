import { spawn } from 'node:child_process';
import { clientBundle, buildCleanEnv, type CliOptions } from './run-cli.ts';

export interface TerminalStep {
  /** Waits for this output. */
  readonly expect: string;
  /** Then types these texts one by one, so that they arrive separately. */
  readonly type?: readonly string[];
  /** Then sends the program this signal. */
  readonly signal?: number;
  /** Then gives the terminal this size. */
  readonly resize?: { readonly columns: number; readonly rows: number };
  /** Then calls this function. */
  readonly perform?: () => void;
}

export interface TerminalRun {
  /** The output on the terminal, `stdout` and `stderr` together. */
  readonly screen: string;
  readonly code: number;
  /** Whether the terminal echoed input: at each step, and at the end. */
  readonly echo: readonly boolean[];
}

/** Runs `iam-token`, or another program, in a pseudo-terminal of 80 columns and 24 rows, with python3 as the driver. */
export async function runInTerminal(
  args: readonly string[],
  steps: readonly TerminalStep[],
  options: CliOptions & { readonly program?: readonly string[] } = {},
): Promise<TerminalRun> {
  const driver = spawn(
    'python3',
    ['-c', driverScript, ...(options.program ?? [process.execPath, clientBundle]), ...args],
    {
      env: { TERM: 'xterm', ...buildCleanEnv(options) },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  let screen = '';
  let partialLine = '';
  let code: number | undefined;
  const echo: boolean[] = [];
  const remainingSteps = [...steps];
  const sendOrder = (order: object): void => void driver.stdin.write(`${JSON.stringify(order)}\n`);
  driver.stdin.on('error', () => {});
  driver.stdout.setEncoding('utf8');
  driver.stdout.on('data', (chunk: string) => {
    const lines = (partialLine + chunk).split('\n');
    partialLine = lines.pop() ?? '';
    for (const line of lines) {
      const report = JSON.parse(line) as { screen?: string; code?: number; echo: boolean };
      screen += report.screen ?? '';
      if (report.code !== undefined) {
        code = report.code;
        echo.push(report.echo);
      }
      const [step] = remainingSteps;
      if (step === undefined || !screen.includes(step.expect)) continue;
      remainingSteps.shift();
      echo.push(report.echo);
      for (const type of step.type ?? []) sendOrder({ type });
      if (step.signal !== undefined) sendOrder({ signal: step.signal });
      if (step.resize !== undefined) sendOrder({ resize: [step.resize.rows, step.resize.columns] });
      step.perform?.();
    }
  });
  await new Promise<void>((resolve, reject) => {
    driver.once('error', reject);
    driver.once('close', () => resolve());
  });
  if (code === undefined)
    throw new Error(`the terminal driver failed; output so far: ${JSON.stringify(screen)}`);
  if (remainingSteps[0] !== undefined)
    throw new Error(`missing output: ${remainingSteps[0].expect}; output: ${JSON.stringify(screen)}`);
  return { screen, code, echo };
}

/** Reads orders as lines of JSON, and reports the output, whether the terminal echoes, and the exit code. */
const driverScript = `
import codecs, fcntl, json, os, pty, select, struct, sys, termios, time

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])

def resize(rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

resize(24, 80)

def report(**fields):
    echo = bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
    print(json.dumps({**fields, 'echo': echo}), flush=True)

decode = codecs.getincrementaldecoder('utf-8')('replace').decode
orders = b''
open_inputs = [terminal, 0]
while True:
    ready, _, _ = select.select(open_inputs, [], [], 15)
    if not ready:
        os.kill(pid, 9)
    if terminal in ready:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            break
        if not chunk:
            break
        report(screen=decode(chunk))
    if 0 in ready:
        chunk = os.read(0, 65536)
        if not chunk:
            open_inputs.remove(0)
        orders += chunk
        while b'\\n' in orders:
            order, orders = orders.split(b'\\n', 1)
            order = json.loads(order)
            if 'signal' in order:
                os.kill(pid, order['signal'])
            elif 'resize' in order:
                resize(*order['resize'])
            else:
                os.write(terminal, order['type'].encode())
                time.sleep(0.03)
_, status = os.waitpid(pid, 0)
report(code=os.waitstatus_to_exitcode(status))
`;
