import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../../conventions/source-tree.ts';
import { runToExit, getUserManagerSkipReason, type ProcessResult, type RunOptions } from './user-manager.ts';

/** A booted copy of this machine's root file system, on this machine's network. */
export interface Machine {
  /** The complete command that runs `argv`. */
  command(user: string, argv: readonly string[], env?: RunOptions['env']): readonly [string, ...string[]];
  /** @param user in its user database */
  run(user: string, argv: readonly string[], options?: RunOptions): Promise<ProcessResult>;
  /** Shuts down and boots again. */
  reboot(): Promise<void>;
  /** Shuts down and removes its disk. */
  remove(): Promise<void>;
}

/** Why no machine can boot here; `null` if one can. */
export function getMachineSkipReason(): string | null {
  return existsSync('/usr/bin/systemd-nspawn')
    ? getUserManagerSkipReason()
    : 'systemd-container is not installed';
}

/** @param folder appears in the machine as /opt/iam-tokend */
export async function bootMachine(folder: string): Promise<Machine> {
  const script = join(root, 'test/support/systems/boot-machine.sh');
  // Ctrl-C in the terminal must not reach the script before it has cleaned up.
  const bootProcess = spawn('bash', [script, folder], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const lines = createInterface(bootProcess.stdout);
  const exitEvent = once(bootProcess, 'exit');
  let initPid = await waitForBoot();

  async function waitForBoot(): Promise<string> {
    const [line] = (await Promise.race([once(lines, 'line'), exitEvent.then(() => [''])])) as [string];
    const pid = /^ready (\d+)$/.exec(line)?.[1];
    if (pid === undefined) throw new Error('the machine does not boot');
    return pid;
  }

  const command: Machine['command'] = (user, argv, env = {}) => {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const namespaceOptions = ['--mount', '--pid', '--ipc', '--uts', '--wd=/'];
    const pathVariable = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const userCommand = [
      'runuser',
      '--user',
      user,
      '--',
      'env',
      '--ignore-environment',
      pathVariable,
      ...variables,
    ];
    return ['nsenter', `--target=${initPid}`, ...namespaceOptions, ...userCommand, ...argv];
  };
  const run: Machine['run'] = (user, argv, { stdin = '', env } = {}) =>
    runToExit(command(user, argv, env), stdin);
  return {
    command,
    run,
    reboot: async () => {
      await run('root', ['systemctl', 'poweroff']);
      bootProcess.stdin.write('\n');
      initPid = await waitForBoot();
    },
    remove: async () => {
      bootProcess.stdin.end();
      await exitEvent;
    },
  };
}
