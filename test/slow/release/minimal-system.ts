import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { waitForExit } from '../../support/processes/process-result.ts';

/** Debian's minimal system, without systemd and Node, in a mount and pid namespace of its own. */
export interface MinimalSystem {
  /** Runs shell commands as root. @returns stdout @throws Error with the output if they fail */
  run(commands: string): Promise<string>;
}

const setUp = `
  for name in null zero urandom random; do
    : >"$1/dev/$name"
    mount --bind "/dev/$name" "$1/dev/$name"
  done
  mount -t proc proc "$1/proc"
  mount --bind "$2" "$1/mnt"
  exec env --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 chroot "$1" sh -e -c "$3"`;

/**
 * @param folder to create
 * @param archive of the root
 * @param mounted appears as /mnt
 */
export function createMinimalSystem(folder: string, archive: string, mounted: string): MinimalSystem {
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['--extract', '--file', archive, '--directory', folder, '--numeric-owner']);
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private'];
  return {
    run: async (commands) => {
      const args = [...namespaces, 'sh', '-e', '-c', setUp, 'sh', folder, mounted, commands];
      const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'pipe'] });
      const { code, stdout, stderr } = await waitForExit(child);
      if (code !== 0) throw new Error(`exit code ${code}: ${stderr}${stdout}`);
      return stdout;
    },
  };
}
