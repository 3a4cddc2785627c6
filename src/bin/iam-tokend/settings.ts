/** What the daemon is told: by its flags, by the places that it finds, and by its configuration. */
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  cronSchedule,
  type Schedule,
  scheduleFault,
  scheduleWarnings,
  shiftWithinHourMs,
} from '../../adapters/cron-schedule.ts';
import { undiciHttp } from '../../adapters/undici-http.ts';
import { daemonOptions } from '../../cli/daemon-options.ts';
import type { Config } from '../../config/config.ts';
import { ConfigError, readConfig } from '../../config/read-config.ts';
import {
  type Folders,
  folders,
  socketCandidates,
  type Surroundings,
  systemPlaces,
} from '../../platform/places.ts';
import { problemOf } from '../../shared/errors.ts';
import type { HttpClient } from '../../shared/http-client.ts';

/** Exit code 2, as for a `ConfigError`. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Flags = ReturnType<typeof parseFlags>;

/** @throws UsageError */
export function parseFlags() {
  try {
    return parseArgs({ options: daemonOptions }).values;
  } catch (cause) {
    const [said = ''] = problemOf(cause).message.split(/\.\s|\.?$/);
    throw new UsageError(`${said.charAt(0).toLowerCase()}${said.slice(1)}; see iam-tokend --help`, { cause });
  }
}

interface DaemonPlaces extends Folders {
  /** One daemon for all users of this machine, and not for one of them. */
  readonly isForSystem: boolean;
  readonly configFile: string;
  /** Unless somebody names another. */
  readonly socket: string;
}

export function daemonPlaces({ config: named }: Flags, surroundings: Surroundings): DaemonPlaces {
  if (named !== undefined && resolve(named) === systemPlaces.configFile) {
    return { ...systemPlaces, isForSystem: true, config: systemPlaces.state };
  }
  const usual = folders(surroundings);
  const config = named === undefined ? usual.config : join(named, '..');
  const configFile = named ?? join(config, 'config.yaml');
  return { ...usual, isForSystem: false, config, configFile, socket: socketCandidates(surroundings)[0] };
}

/** What SIGHUP replaces as a whole. */
interface Settings {
  readonly config: Config;
  readonly warnings: readonly string[];
  readonly http: HttpClient;
  readonly scheduleOf: (instance: string, profile: string) => Schedule;
}

/** @throws ConfigError */
export async function settingsFrom(
  flags: Flags,
  { configFile, isForSystem }: DaemonPlaces,
  nowMs: number,
): Promise<Settings> {
  const { config, warnings } = await readConfig(configFile, flags.config !== undefined, {
    flags: { store: flags.store, logLevel: flags['log-level'] },
    environment: process.env,
    scheduleFault: (pattern) => scheduleFault(pattern, nowMs),
  });
  if (isForSystem) checkIsForSystem(config, configFile);
  const { schedule, spread } = config.refresh;
  const schedules = new Map<string, Schedule>();
  return {
    config,
    warnings: [...warnings, ...scheduleWarnings(schedule, nowMs)],
    http: undiciHttp(config.network),
    scheduleOf: (instance, profile) => {
      const shiftMs = spread ? shiftWithinHourMs(hostname(), instance, profile) : 0;
      const found = schedules.get(profile) ?? cronSchedule(schedule, shiftMs);
      schedules.set(profile, found);
      return found;
    },
  };
}

function checkIsForSystem({ store, http }: Config, configFile: string): void {
  if (store === 'keychain') {
    throw new ConfigError(`${configFile}: a system has no keychain; choose another store, such as file`);
  }
  if (http.socket) throw new ConfigError(`${configFile}: http.socket is for the daemon of one person`);
}
