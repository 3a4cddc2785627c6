import { spawn } from 'node:child_process';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findHintLine } from '../../conventions/hints/match-hint.ts';
import {
  runInTerminal,
  type TerminalRun,
  type TerminalStep,
} from '../../support/processes/pseudo-terminal.ts';
import type { ProcessResult } from '../../support/processes/process-result.ts';
import { waitUntil } from '../../support/wait-until.ts';
import {
  startTestEnvironment,
  type TestEnvironment,
  type TestEnvironmentOptions,
} from '../../support/test-environment.ts';

const programs = fileURLToPath(new URL('../../../bin/', import.meta.url));

/** A daemon and a shell of a user, in which hints are typed as they are printed. */
export class HintLab {
  readonly testEnv: TestEnvironment;
  /** Of the shell: its PATH has the programs, and `sudo` for root. */
  readonly shellEnv: Record<string, string>;
  /** The printed hints that `findHint` and the methods that type have found. */
  readonly foundHints: string[] = [];
  readonly #bin: string;

  private constructor(testEnv: TestEnvironment) {
    this.testEnv = testEnv;
    this.#bin = join(testEnv.folder, 'bin');
    const { HOME = '', PATH = '' } = testEnv.environment;
    this.shellEnv = { ...testEnv.environment, HOME, PATH: `${this.#bin}:${PATH}` };
    mkdirSync(this.#bin);
    for (const name of ['iam-token', 'iam-tokend'])
      this.writeProgram(name, `exec '${process.execPath}' '${programs}${name}.js' "$@"`);
    if (process.getuid?.() === 0) this.writeProgram('sudo', 'exec "$@"');
  }

  static async start(options: TestEnvironmentOptions = {}): Promise<HintLab> {
    return new HintLab(await startTestEnvironment({ store: 'memory', ...options }));
  }

  /** A program in the PATH of the shell. */
  writeProgram(name: string, script: string): void {
    const path = join(this.#bin, name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }

  /** A program of the system that only records its arguments. */
  recordProgram(name: string): void {
    this.writeProgram(name, `echo "${name} $*" >> '${this.#bin}/calls'`);
  }

  /** The command lines of the programs that only record, in order. */
  listCalls(): readonly string[] {
    const path = join(this.#bin, 'calls');
    return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
  }

  path(...parts: readonly string[]): string {
    return join(this.testEnv.folder, ...parts);
  }

  /** Runs a command line in bash. Programs that it leaves in the background keep running. */
  async run(line: string, env: Readonly<Record<string, string>> = {}): Promise<ProcessResult> {
    const [out, err] = [this.path('stdout'), this.path('stderr')];
    const fds = [openSync(out, 'w'), openSync(err, 'w')] as const;
    const shell = spawn('bash', ['-c', line], {
      env: { ...this.shellEnv, ...env },
      cwd: this.testEnv.folder,
      stdio: ['ignore', ...fds],
    });
    const [code] = (await once(shell, 'exit')) as [number | null];
    fds.forEach((fd) => closeSync(fd));
    return { code, stdout: readFileSync(out, 'utf8'), stderr: readFileSync(err, 'utf8') };
  }

  /**
   * Types a hint as it is printed, after its introduction.
   * @param hint as the table of hints has it
   * @param printed what the product printed
   * @param values what the user puts in the place of FILE and the like
   */
  async type(
    hint: string,
    printed: string,
    values: Readonly<Record<string, string>> = {},
  ): Promise<ProcessResult> {
    return this.run(this.commandOf(hint, printed, values));
  }

  /** As `type`, in a terminal that answers its prompts. */
  async typeInTerminal(
    hint: string,
    printed: string,
    steps: readonly TerminalStep[],
    values: Readonly<Record<string, string>> = {},
  ): Promise<TerminalRun> {
    const program = ['bash', '-c', this.commandOf(hint, printed, values)];
    return runInTerminal([], steps, { program, env: this.shellEnv, socket: this.testEnv.socketPath });
  }

  /** @returns the screen */
  async runInTerminal(line: string, steps: readonly TerminalStep[] = []): Promise<string> {
    const options = { program: ['bash', '-c', line], env: this.shellEnv, socket: this.testEnv.socketPath };
    return (await runInTerminal([], steps, options)).screen.replaceAll('\r', '');
  }

  /** The command in a hint, with the values of the user. */
  commandOf(hint: string, printed: string, values: Readonly<Record<string, string>> = {}): string {
    const command = this.findHint(hint, printed).replace(/^.*: (?=\S)/, '');
    return Object.entries(values).reduce(
      (text, [name, value]) => text.replace(new RegExp(String.raw`\b${name}\b`), () => value),
      command,
    );
  }

  /** The printed hint, with its introduction. */
  findHint(hint: string, printed: string): string {
    const line = findHintLine(hint, printed);
    this.foundHints.push(line);
    return line;
  }

  /** Waits for a daemon that was started in the background. */
  async untilListening(option = ''): Promise<void> {
    await waitUntil(
      async () => (await this.run(`iam-token status ${option}`)).code === 0,
      'the daemon listens',
    );
  }

  stop(): Promise<void> {
    return this.testEnv.stop();
  }
}
