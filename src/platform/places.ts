/**
 * Where things lie on each system. Pure: the surroundings come in as data, so that Linux tests the paths of all.
 */
import { posix, win32 } from 'node:path';
import { type Problem, ProblemError } from '../shared/errors.ts';
import { given } from '../shared/given.ts';

/** What the paths depend on; `surroundings.ts` reads them from the running process. */
export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Functions, as they cost something, and as an account without an entry in the user database has no name. */
  readonly home: () => string;
  /** `null` on Windows, which has none. */
  readonly uid: number | null;
  readonly userName: () => string;
  /** Whether a folder is there that belongs to `uid`. */
  readonly isOurs: (path: string) => boolean;
}

export interface Folders {
  /** Holds `config.yaml` and `profiles.json`; never a secret. */
  readonly config: string;
  /** Holds the file store in `store`. */
  readonly state: string;
  /** For log files, where no journal takes the log. */
  readonly log: string;
}

const name = 'iam-tokend';

/** Of a daemon for a whole system, which is one that is given this configuration. Linux alone. */
export const systemPlaces = {
  configFile: '/etc/iam-tokend/config.yaml',
  /** Holds `profiles.json` and the file store; the daemon's own. */
  state: '/var/lib/iam-tokend',
  log: '/var/log/iam-tokend',
  socket: '/run/iam-tokend/ipc.sock',
} as const;

/**
 * Where the socket is when nobody names one: a daemon listens on the first, a client tries them in this order.
 * The folders may not exist, and are to be looked at with `checkSocketFolder` before anything is sent.
 */
export function socketCandidates(surroundings: Surroundings): readonly [string, ...string[]] {
  const { platform, uid } = surroundings;
  if (platform === 'win32')
    return [`\\\\.\\pipe\\${name}-${surroundings.userName().replaceAll(/[\\/]/g, '_')}`];
  if (platform === 'darwin') return [posix.join(applicationSupport(surroundings), 'ipc.sock')];
  const within = (folder: string): string => posix.join(folder, name, 'ipc.sock');
  const usual = `/run/user/${uid}`;
  const runtime = [folderNamed(surroundings, 'XDG_RUNTIME_DIR') ?? usual, usual];
  const [head, ...tail] = new Set(runtime.filter((folder) => surroundings.isOurs(folder)).map(within));
  return head === undefined ? [`/tmp/${name}-${uid}/ipc.sock`] : [head, ...tail];
}

/** @throws ProblemError `bad_request` when they depend on a home folder and there is none */
export function folders(surroundings: Surroundings): Folders {
  const { platform } = surroundings;
  if (platform === 'darwin') {
    const support = applicationSupport(surroundings);
    return { config: support, state: support, log: posix.join(homeOf(surroundings), 'Library/Logs', name) };
  }
  const path = pathOf(platform);
  const within = (variable: string, usual: string): string =>
    path.join(folderNamed(surroundings, variable) ?? path.join(homeOf(surroundings), usual), name);
  const isWindows = platform === 'win32';
  const config = isWindows ? within('APPDATA', 'AppData/Roaming') : within('XDG_CONFIG_HOME', '.config');
  const state = isWindows
    ? within('LOCALAPPDATA', 'AppData/Local')
    : within('XDG_STATE_HOME', '.local/state');
  return { config, state, log: path.join(state, 'log') };
}

/**
 * The file on Windows that client and daemon both read to know each other: in a folder that only this person can enter.
 * @throws ProblemError `bad_request` as `folders` does
 */
export function pipeKeyPath(surroundings: Surroundings): string {
  return win32.join(folders(surroundings).state, 'pipe.key');
}

/** The kernel cuts a longer path silently: `sun_path` has 104 bytes on macOS (108 on Linux), one of them for the end. */
const socketPathBytes = 103;
/** A pipe's whole name, as CreateNamedPipe documents it. */
const pipeNameCharacters = 256;

/** Why no socket can have this path; `null` when one can. */
export function socketPathProblem(path: string, platform: NodeJS.Platform): Problem | null {
  if (path === '' || path.includes('\0')) return badPath('a socket needs a path');
  if (platform === 'win32') {
    if (!/^\\\\[.?]\\pipe\\[^\\]/.test(path)) {
      return badPath(`${path} is no named pipe`, String.raw`name one like \\.\pipe\iam-tokend-me`);
    }
    return path.length > pipeNameCharacters
      ? badPath(`the pipe's name has over ${pipeNameCharacters} characters: ${path}`)
      : null;
  }
  const bytes = Buffer.byteLength(path);
  if (bytes <= socketPathBytes) return null;
  return badPath(
    `the socket's path has ${bytes} bytes, and ${socketPathBytes} is the most there can be: ${path}`,
    'name a shorter one with --socket or IAM_TOKEND_SOCKET, to client and daemon alike',
  );
}

function badPath(message: string, hint?: string): Problem {
  return { code: 'bad_request', message, ...given({ hint }) };
}

/** A folder from the environment; a relative one counts as unset (XDG Base Directory Specification 0.8). */
function folderNamed({ platform, env }: Surroundings, variable: string): string | undefined {
  const value = env[variable];
  return value !== undefined && pathOf(platform).isAbsolute(value) ? value : undefined;
}

function pathOf(platform: NodeJS.Platform): typeof posix {
  return platform === 'win32' ? win32 : posix;
}

function applicationSupport(surroundings: Surroundings): string {
  return posix.join(homeOf(surroundings), 'Library/Application Support', name);
}

function homeOf(surroundings: Surroundings): string {
  const { platform } = surroundings;
  const home = surroundings.home();
  if (pathOf(platform).isAbsolute(home)) return home;
  throw new ProblemError({
    code: 'bad_request',
    message: 'there is no home folder to work in',
    hint: platform === 'win32' ? 'set USERPROFILE' : 'set HOME to an absolute path',
  });
}
