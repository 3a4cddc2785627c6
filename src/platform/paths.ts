/** All paths, as pure functions of the process context, so that Linux can test the paths of every platform. */
import { posix, win32 } from 'node:path';
import { type Problem, IamTokenError } from '../shared/errors.ts';
import { omitUndefined } from '../shared/omit-undefined.ts';

/** The inputs of all paths. `process-context.ts` has those of the running process. */
export interface ProcessContext {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A function, because the lookup takes time. Empty if the home folder is unknown. */
  readonly home: () => string;
  /** `null` on Windows. */
  readonly uid: number | null;
  /** Throws if the user database has no entry for the uid. */
  readonly userName: () => string;
  /** Whether `path` is a folder that `uid` owns. */
  readonly isOwnFolder: (path: string) => boolean;
}

export interface UserFolders {
  /** For `config.yaml` and `profiles.json`; no secrets. */
  readonly config: string;
  /** For the file store, in `store`. */
  readonly state: string;
  /** For log files, if the log does not go to the journal. */
  readonly log: string;
}

const appName = 'iam-tokend';

/** Paths of the system-wide daemon: the one that is started with this configuration file. Linux only. */
export const systemPaths = {
  configFile: '/etc/iam-tokend/config.yaml',
  /** For `profiles.json` and the file store; owned by the daemon's user. */
  state: '/var/lib/iam-tokend',
  log: '/var/log/iam-tokend',
  socket: '/run/iam-tokend/ipc.sock',
} as const;

/**
 * The default paths of the socket: the daemon listens on the first, the client tries them in this order. The folders
 * may not exist; check them with `checkSocketFolder` before sending anything.
 */
export function socketCandidates(context: ProcessContext): readonly [string, ...string[]] {
  const { platform, uid } = context;
  if (platform === 'win32')
    return [`\\\\.\\pipe\\${appName}-${context.userName().replaceAll(/[\\/]/g, '_')}`];
  if (platform === 'darwin') return [posix.join(applicationSupportFolder(context), 'ipc.sock')];
  const socketPathIn = (folder: string): string => posix.join(folder, appName, 'ipc.sock');
  const defaultRuntimeFolder = `/run/user/${uid}`;
  const runtimeFolders = [
    folderFromEnvironment(context, 'XDG_RUNTIME_DIR') ?? defaultRuntimeFolder,
    defaultRuntimeFolder,
  ];
  const [head, ...tail] = new Set(
    runtimeFolders.filter((folder) => context.isOwnFolder(folder)).map(socketPathIn),
  );
  return head === undefined ? [`/tmp/${appName}-${uid}/ipc.sock`] : [head, ...tail];
}

/** @throws IamTokenError `bad_request` if they depend on the home folder and it is unknown */
export function userFolders(context: ProcessContext): UserFolders {
  const { platform } = context;
  if (platform === 'darwin') {
    const supportFolder = applicationSupportFolder(context);
    return {
      config: supportFolder,
      state: supportFolder,
      log: posix.join(requireHomeFolder(context), 'Library/Logs', appName),
    };
  }
  const pathModule = pathModuleOf(platform);
  const folderFrom = (variable: string, defaultFolder: string): string =>
    pathModule.join(
      folderFromEnvironment(context, variable) ?? pathModule.join(requireHomeFolder(context), defaultFolder),
      appName,
    );
  const isWindows = platform === 'win32';
  const config = isWindows
    ? folderFrom('APPDATA', 'AppData/Roaming')
    : folderFrom('XDG_CONFIG_HOME', '.config');
  const state = isWindows
    ? folderFrom('LOCALAPPDATA', 'AppData/Local')
    : folderFrom('XDG_STATE_HOME', '.local/state');
  return { config, state, log: pathModule.join(state, 'log') };
}

/**
 * Windows: the key with which client and daemon authenticate each other, in a folder that only this user can read.
 * @throws IamTokenError as `userFolders` does
 */
export function pipeKeyPath(context: ProcessContext): string {
  return win32.join(userFolders(context).state, 'pipe.key');
}

/** The kernel truncates a longer path silently: `sun_path` has 104 bytes on macOS, 108 on Linux, with a zero at the end. */
const maxSocketPathBytes = 103;
/** Limit of the full name, as CreateNamedPipe documents it. */
const maxPipeNameCharacters = 256;

/** @returns why a socket cannot have this path; `null` if it can */
export function checkSocketPath(path: string, platform: NodeJS.Platform): Problem | null {
  if (path === '' || path.includes('\0'))
    return pathProblem('the path of the socket is empty or contains a zero byte');
  if (platform === 'win32') {
    if (!/^\\\\[.?]\\pipe\\[^\\]/.test(path)) {
      return pathProblem(
        `${path} is not a named pipe`,
        String.raw`use a name such as \\.\pipe\iam-tokend-me`,
      );
    }
    return path.length > maxPipeNameCharacters
      ? pathProblem(
          `the name of the pipe has ${path.length} characters, the limit is ${maxPipeNameCharacters}: ${path}`,
        )
      : null;
  }
  const bytes = Buffer.byteLength(path);
  if (bytes <= maxSocketPathBytes) return null;
  return pathProblem(
    `the path of the socket has ${bytes} bytes, the limit is ${maxSocketPathBytes}: ${path}`,
    'set a shorter path with --socket or IAM_TOKEND_SOCKET, for client and daemon',
  );
}

function pathProblem(message: string, hint?: string): Problem {
  return { code: 'bad_request', message, ...omitUndefined({ hint }) };
}

/** A folder from the environment; a relative path is ignored (XDG Base Directory Specification 0.8). */
function folderFromEnvironment({ platform, env }: ProcessContext, variable: string): string | undefined {
  const value = env[variable];
  return value !== undefined && pathModuleOf(platform).isAbsolute(value) ? value : undefined;
}

export function pathModuleOf(platform: NodeJS.Platform): typeof posix {
  return platform === 'win32' ? win32 : posix;
}

function applicationSupportFolder(context: ProcessContext): string {
  return posix.join(requireHomeFolder(context), 'Library/Application Support', appName);
}

/** @throws IamTokenError `bad_request` if it is unknown */
export function requireHomeFolder(context: Pick<ProcessContext, 'home' | 'platform'>): string {
  const { platform } = context;
  const home = context.home();
  if (pathModuleOf(platform).isAbsolute(home)) return home;
  throw new IamTokenError({
    code: 'bad_request',
    message: home === '' ? 'the home folder is unknown' : `the home folder ${home} is not an absolute path`,
    hint: `set ${homeVariables(platform)} to an absolute path`,
  });
}

function homeVariables(platform: NodeJS.Platform): string {
  if (platform === 'win32') return 'USERPROFILE';
  return platform === 'darwin' ? 'HOME' : 'HOME, or both XDG_CONFIG_HOME and XDG_STATE_HOME,';
}
