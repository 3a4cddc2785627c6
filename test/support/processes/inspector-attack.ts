import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { closedInspectorOption } from '../../../src/platform/inspector-option.ts';

const programPath = (name: string): string => fileURLToPath(new URL(`../../../bin/${name}`, import.meta.url));

export interface AttackedProgram {
  readonly argv: readonly [string, ...string[]];
  /** Printed when it has started, to stderr or stdout; without it, the program exits by itself. */
  readonly startedText?: RegExp;
  readonly hasChannel?: true;
}

/** The programs as their first lines start them, and the helper as the daemon starts it. */
export const attackedPrograms: Readonly<Record<string, AttackedProgram>> = {
  'iam-tokend': { argv: [programPath('iam-tokend.js'), '--store', 'memory'], startedText: /listening on/ },
  'iam-token': { argv: [programPath('iam-token.js'), '--version'] },
  'keychain-helper': {
    argv: ['node', closedInspectorOption, programPath('keychain-helper.js')],
    startedText: /"id":1/,
    hasChannel: true,
  },
};

export interface AttackResult {
  /** Signals after which Node opened its inspector. */
  readonly openedCount: number;
  /** Signals that ended the program, because Node had not started yet. */
  readonly killedCount: number;
}

/**
 * Starts the program again and again and sends it SIGUSR1, each time `stepMs` later.
 * @param node the folder of this program comes first in PATH
 */
export async function attackInspector(
  { argv, startedText, hasChannel }: AttackedProgram,
  node: string,
  count: number,
  stepMs: number,
): Promise<AttackResult> {
  const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-inspector-'));
  const env = {
    PATH: `${dirname(node)}:${process.env['PATH']}`,
    HOME: folder,
    XDG_RUNTIME_DIR: join(folder, 'run'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_STATE_HOME: join(folder, 'state'),
  };
  mkdirSync(env.XDG_RUNTIME_DIR, { mode: 0o700 });
  const results = { openedCount: 0, killedCount: 0 };
  try {
    for (let index = 0; index < count; index++) {
      const stdio = ['ignore', 'pipe', 'pipe', ...(hasChannel ? (['ipc'] as const) : [])] as const;
      const child = spawn(argv[0], argv.slice(1), { env, stdio: [...stdio] } satisfies SpawnOptions);
      if (hasChannel) child.send({ id: 1, op: 'state' }, () => undefined);
      const ended = awaitStart(child, startedText);
      await delay(index * stepMs);
      child.kill('SIGUSR1');
      const output = await ended;
      if (/Debugger listening/.test(output)) results.openedCount += 1;
      if (child.signalCode === 'SIGUSR1') results.killedCount += 1;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return results;
}

/** Resolves with the output, when the program has started, or ended; then it is killed. */
async function awaitStart(child: ChildProcess, startedText: RegExp | undefined): Promise<string> {
  let output = '';
  const append = (chunk: Buffer): void => {
    output += chunk.toString();
    if (startedText?.test(output)) child.kill('SIGKILL');
  };
  child.stdout?.on('data', append);
  child.stderr?.on('data', append);
  child.on('message', (message) => append(Buffer.from(JSON.stringify(message))));
  await once(child, 'close');
  return output;
}
