import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { daemonOptions } from '../../cli/parsing/daemon-options.ts';
import type { Config } from '../../config/config.ts';
import {
  type ProcessContext,
  type UserFolders,
  checkSocketPath,
  socketCandidates,
  systemPaths,
  userFolders,
} from '../../platform/paths.ts';
import { problemOf } from '../../shared/errors.ts';

/** Exit code 2, as for a `ConfigError`. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export type Flags = ReturnType<typeof parseFlags>;

/** @throws UsageError */
export function parseFlags() {
  try {
    return parseArgs({ options: daemonOptions }).values;
  } catch (cause) {
    // Node's message, in lower case and with double quotes.
    const [sentence = ''] = problemOf(cause).message.split(/\.\s|\.?$/);
    const phrase = sentence.replace(/^./, (letter) => letter.toLowerCase()).replaceAll("'", '"');
    throw new UsageError(`${phrase}; see iam-tokend --help`, { cause });
  }
}

export interface DaemonPaths extends UserFolders {
  /** One daemon for all users of this machine. */
  readonly isSystemWide: boolean;
  readonly configFile: string;
  readonly defaultSocket: string;
  /** How to choose another folder. */
  readonly alternatives: { readonly config?: string; readonly state?: string };
}

const alternativeTo = (variable: string): string => `set ${variable} to a folder that you can write to`;

/** `--config` with the path of the system-wide configuration selects the system mode. */
export function resolveDaemonPaths({ config: configOption }: Flags, context: ProcessContext): DaemonPaths {
  if (configOption !== undefined && resolve(configOption) === systemPaths.configFile) {
    const { configFile, state, log, socket } = systemPaths;
    return {
      isSystemWide: true,
      configFile,
      config: state,
      state,
      log,
      defaultSocket: socket,
      alternatives: {},
    };
  }
  const userPaths = userFolders(context);
  const config = configOption === undefined ? userPaths.config : join(configOption, '..');
  const configFile = configOption ?? join(config, 'config.yaml');
  const [defaultSocket] = socketCandidates(context);
  const hasVariables = context.platform === 'linux';
  const alternatives = {
    ...(hasVariables && configOption === undefined ? { config: alternativeTo('XDG_CONFIG_HOME') } : {}),
    ...(hasVariables ? { state: alternativeTo('XDG_STATE_HOME') } : {}),
  };
  return { ...userPaths, isSystemWide: false, config, configFile, defaultSocket, alternatives };
}

export interface SocketPaths {
  readonly ipc: string;
  /**
   * Alone in a folder of its own, so that a container can be given that folder and nothing else. `null` if `http.sock` is
   * off, and on Windows, where a pipe has no folder.
   */
  readonly http: string | null;
  /** Where systemd gets tokens. `null` if it is off, and if only root may create a file beside the IPC socket. */
  readonly credential: string | null;
}

/** @throws UsageError for a path that the kernel would truncate */
export function resolveSocketPaths(
  flags: Flags,
  { defaultSocket, isSystemWide }: DaemonPaths,
  { http, systemd }: Config,
  { platform, env }: ProcessContext,
): SocketPaths {
  const ipc = flags.socket ?? (env['IAM_TOKEND_SOCKET'] || defaultSocket);
  const hasHttpSocket = http.socket && platform !== 'win32';
  const hasCredentialSocket = systemd.credentialSocket && platform === 'linux' && !isSystemWide;
  const paths: SocketPaths = {
    ipc,
    http: hasHttpSocket ? join(dirname(ipc), 'http', 'http.sock') : null,
    credential: hasCredentialSocket ? join(dirname(ipc), 'credential.sock') : null,
  };
  for (const path of [paths.ipc, paths.http, paths.credential].filter((each) => each !== null)) {
    const problem = checkSocketPath(path, platform);
    if (problem !== null) throw new UsageError(problem.message);
  }
  return paths;
}
