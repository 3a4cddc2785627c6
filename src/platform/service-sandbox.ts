/** What the sandbox of a systemd service hides from its programs; systemd.exec(5). */
import { quoteShellWord } from '../shared/shell-quoting.ts';

export interface SystemdService {
  readonly unit: string;
  /** Of the user's manager, not of the system's. */
  readonly isUserUnit: boolean;
}

/** @param cgroup proc_pid_cgroup(5) */
export function findOwnService(
  cgroup: string,
  env: Readonly<Record<string, string | undefined>>,
): SystemdService | null {
  const paths = cgroup.matchAll(/^\d+:(?:name=systemd)?:(\/.*)$/gm);
  for (const [, path = ''] of paths) {
    const unit = /\/([^/]+\.service)$/.exec(path)?.[1];
    // A user's manager sets MANAGERPID for its services; systemd.exec(5).
    if (unit !== undefined) return { unit, isUserUnit: Boolean(env['MANAGERPID']) };
  }
  return null;
}

/** A setting of a unit that hides the socket of a daemon, and a value that does not. */
export interface HidingSetting {
  readonly name: 'ProtectHome' | 'PrivateTmp';
  readonly hiddenPath: string;
  readonly value: string;
}

/**
 * @param mountinfo proc_pid_mountinfo(5)
 * @param runtimeFolder `/run/user/UID`
 * @param isRuntimeFolderVisible whether this process can see it
 */
export function findHidingSetting(
  mountinfo: string,
  runtimeFolder: string,
  isRuntimeFolderVisible: boolean,
): HidingSetting | null {
  if (isRuntimeFolderVisible) return null;
  // Mount id, parent id, device, root, mount point.
  const mounts = mountinfo.split('\n').map((line) => line.split(' '));
  // Otherwise, only folders within /run/user are mount points.
  if (mounts.some(([, , , , mountPoint]) => mountPoint === '/run/user'))
    return { name: 'ProtectHome', hiddenPath: runtimeFolder, value: 'read-only' };
  const isTmpPrivate = mounts.some(
    ([, , , root = '', mountPoint]) => mountPoint === '/tmp' && root.includes('/systemd-private-'),
  );
  return isTmpPrivate ? { name: 'PrivateTmp', hiddenPath: '/tmp', value: 'no' } : null;
}

/** The command that changes a setting of a unit by a drop-in, and restarts it. */
export function changeSettingCommand(
  { unit, isUserUnit }: SystemdService,
  name: string,
  value: string,
): string {
  // A unit of systemd-run exists only while its program runs.
  if (/^run-[ru]?\w+\.service$/.test(unit)) {
    const userOption = isUserUnit ? ' --user' : '';
    return `systemd-run${userOption} --wait --pipe --property=${name}=${value} iam-token`;
  }
  const quotedUnit = quoteShellWord(unit, 'linux');
  const text = String.raw`printf '[Service]\n${name}=${value}\n'`;
  if (isUserUnit) {
    const folder = `~/.config/systemd/user/${quotedUnit}.d`;
    return `mkdir -p ${folder} && ${text} >${folder}/iam-tokend.conf && systemctl --user daemon-reload && systemctl --user restart ${quotedUnit}`;
  }
  const folder = `/etc/systemd/system/${quotedUnit}.d`;
  return `sudo mkdir -p ${folder} && ${text} | sudo tee ${folder}/iam-tokend.conf && sudo systemctl daemon-reload && sudo systemctl restart ${quotedUnit}`;
}
