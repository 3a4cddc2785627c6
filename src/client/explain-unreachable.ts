/** Why this process in particular cannot reach a daemon: it runs with sudo, in a sandbox, or without the right group. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { pathModuleOf, type ProcessContext, systemPaths } from '../platform/paths.ts';
import { changeSettingCommand, findHidingSetting, findOwnService } from '../platform/service-sandbox.ts';
import { errorCode } from '../shared/error-utils.ts';
import { quoteShellWord } from '../shared/shell-quoting.ts';

interface Explanation {
  readonly code: 'unreachable';
  readonly message: string;
  readonly hint: string;
}

/**
 * Whether a setting of this process's unit hides the sockets of the user's daemon.
 * @param explicitPath the socket that the user named
 * @param message says which sockets do not exist
 */
export function explainSandbox(
  explicitPath: string | undefined,
  message: string,
  { platform, uid, env }: ProcessContext,
): Explanation | null {
  const canBeHidden = explicitPath === undefined || /^\/(?:run\/user|tmp)\//.test(explicitPath);
  const service = platform === 'linux' && canBeHidden ? findOwnService(readProc('cgroup'), env) : null;
  if (service === null) return null;
  const runtimeFolder = `/run/user/${uid}`;
  const setting = findHidingSetting(readProc('mountinfo'), runtimeFolder, existsSync(runtimeFolder));
  if (setting === null) return null;
  return {
    code: 'unreachable',
    message: `${message}: ${setting.name}= of ${service.unit} hides ${setting.hiddenPath}`,
    hint: changeSettingCommand(service, setting.name, setting.value),
  };
}

/**
 * @param explicitPath the socket that the user named
 * @param message says which sockets do not exist
 * @returns `null` if a daemon that is started now could be reached
 */
export function explainNotRunning(
  explicitPath: string | undefined,
  message: string,
  context: ProcessContext,
): Explanation | null {
  if (context.platform === 'win32') return null;
  const explain = (reason: string, hint: string): Explanation => ({
    code: 'unreachable',
    message: `${message}: ${reason}`,
    hint,
  });
  if (explicitPath === systemPaths.socket && existsSync('/run/systemd/system')) {
    // Without a unit there, that of a Debian package may be enabled.
    const units = ['iam-tokend.socket', 'sockets.target.wants/iam-tokend.socket'];
    return units.some((unit) => existsSync(`/etc/systemd/system/${unit}`))
      ? explain('its socket unit does not listen there', 'sudo systemctl restart iam-tokend.socket')
      : explain('the daemon for all users is not installed', 'sudo iam-token install --system');
  }
  if (explicitPath !== undefined) return null;
  const invoker = findInvoker(context);
  const systemFolder = pathModuleOf(context.platform).dirname(systemPaths.socket);
  const hasSystemDaemon = context.platform === 'linux' && existsSync(systemFolder);
  if (invoker !== null && (!hasSystemDaemon || invoker.hasDaemon)) {
    const { program, user } = invoker;
    const reason = `${program} runs iam-token as another user, and the daemon of ${user} serves ${user} only`;
    return explain(reason, `sudo -u ${quoteShellWord(user, 'linux')} iam-token`);
  }
  if (hasSystemDaemon) {
    const reason = 'the daemon for all users is used only if its socket is named';
    return explain(reason, `iam-token --socket ${systemPaths.socket}`);
  }
  if (!isServiceWithoutSession(context)) return null;
  const user = userNameOf(context);
  if (user === null) return null;
  const reason = `the services of ${user} run only during a session of ${user}`;
  return explain(reason, `sudo loginctl enable-linger ${quoteShellWord(user, 'linux')}`);
}

/** Whether systemd started this process, and not the manager of its user, which is not running. */
function isServiceWithoutSession({ platform, uid, env }: ProcessContext): boolean {
  return (
    platform === 'linux' &&
    uid !== 0 &&
    findOwnService(readProc('cgroup'), env) !== null &&
    !existsSync(`/run/user/${uid}`)
  );
}

/** The user who ran sudo, doas or pkexec, if that is another than the user of this process. */
function findInvoker({ env, uid }: ProcessContext) {
  const user = env['SUDO_USER'] || env['DOAS_USER'] || '';
  const userId = env['SUDO_UID'] || env['PKEXEC_UID'] || '';
  if ((user === '' && userId === '') || userId === String(uid) || user === 'root') return null;
  if (!/^\d*$/.test(userId) || /\p{C}/u.test(user)) return null;
  const program = env['SUDO_UID'] ? 'sudo' : env['PKEXEC_UID'] ? 'pkexec' : 'doas';
  const hasDaemon = userId !== '' && existsSync(`/run/user/${userId}/iam-tokend/ipc.sock`);
  return { program, user: user === '' ? `#${userId}` : user, hasDaemon };
}

/**
 * @param code of the failed connection, or of the check of the socket's folder
 * @returns `null` if there is nothing more to say
 */
export function explainDenial(
  socketPath: string,
  code: string | undefined,
  context: ProcessContext,
): Explanation | null {
  const prefix = `cannot connect to ${socketPath}`;
  if (code === 'EAFNOSUPPORT') {
    const service = findOwnService(readProc('cgroup'), context.env);
    if (service === null) return null;
    const message = `${prefix}: RestrictAddressFamilies= of ${service.unit} forbids Unix sockets`;
    const hint = changeSettingCommand(service, 'RestrictAddressFamilies', 'AF_UNIX');
    return { code: 'unreachable', message, hint };
  }
  if (socketPath !== systemPaths.socket || context.uid === 0 || !isDenied(socketPath)) return null;
  return { code: 'unreachable', ...explainMembership(`${prefix}: permission denied`, context) };
}

const systemGroup = 'iam-tokend';

function explainMembership(
  prefix: string,
  context: ProcessContext,
): { readonly message: string; readonly hint: string } {
  const user = userNameOf(context);
  if (user !== null && readGroupMembers().includes(user)) {
    const reason = `you are in the group ${systemGroup} only from your next login on`;
    return { message: `${prefix}; ${reason}`, hint: `newgrp ${systemGroup}` };
  }
  const word = user === null ? '"$(id -un)"' : quoteShellWord(user, 'linux');
  const command = `sudo usermod --append --groups ${systemGroup} ${word}`;
  return {
    message: `${prefix}; you are not in the group ${systemGroup}`,
    hint: [command, `newgrp ${systemGroup}`].join('\n'),
  };
}

function userNameOf({ userName }: ProcessContext): string | null {
  try {
    return userName();
  } catch {
    return null;
  }
}

/** Of group(5). */
function readGroupMembers(): readonly string[] {
  try {
    const line = /^iam-tokend:[^:]*:\d*:(.*)$/m.exec(readFileSync('/etc/group', 'utf8'));
    return line?.[1]?.split(',') ?? [];
  } catch {
    return [];
  }
}

function isDenied(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return errorCode(error) === 'EACCES';
  }
}

function readProc(name: string): string {
  try {
    return readFileSync(`/proc/self/${name}`, 'latin1');
  } catch {
    return ''; // /proc is not mounted.
  }
}
