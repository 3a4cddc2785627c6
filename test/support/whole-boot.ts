import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../house/source-tree.ts';
import { finished, noUserManager, type Result, type RunOptions } from './user-manager.ts';

/** A whole Debian of its own, a copy of this machine's root; the network is this machine's. */
export interface Machine {
  /** @param user of its user database */
  run(user: string, argv: readonly string[], options?: RunOptions): Promise<Result>;
  /** Off in good order, and on again. */
  reboot(): Promise<void>;
  /** Off, and away with its disk. */
  remove(): Promise<void>;
}

/** Why there can be none here; `null` if there can. */
export function noMachine(): string | null {
  return existsSync('/usr/bin/systemd-nspawn') ? noUserManager() : 'systemd-container is not installed';
}

/** @param folder is there as /opt/iam-tokend */
export async function bootMachine(folder: string): Promise<Machine> {
  const script = join(root, 'test/support/whole-boot.sh');
  // A Ctrl-C in the terminal must not reach it before it has cleaned up.
  const whole = spawn('bash', [script, folder], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const lines = createInterface(whole.stdout);
  const ended = once(whole, 'exit');
  let init = await isReady();

  async function isReady(): Promise<string> {
    const [line] = (await Promise.race([once(lines, 'line'), ended.then(() => [''])])) as [string];
    const pid = /^ready (\d+)$/.exec(line)?.[1];
    if (pid === undefined) throw new Error('the machine does not boot');
    return pid;
  }

  const run: Machine['run'] = (user, argv, { stdin = '', env = {} } = {}) => {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const inside = ['--mount', '--pid', '--ipc', '--uts', '--wd=/'];
    const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const asUser = ['runuser', '--user', user, '--', 'env', '--ignore-environment', path, ...variables];
    return finished(['nsenter', `--target=${init}`, ...inside, ...asUser, ...argv], stdin);
  };
  return {
    run,
    reboot: async () => {
      await run('root', ['systemctl', 'poweroff']);
      whole.stdin.write('\n');
      init = await isReady();
    },
    remove: async () => {
      whole.stdin.end();
      await ended;
    },
  };
}
