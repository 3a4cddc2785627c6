import { hostname } from 'node:os';
import {
  cronSchedule,
  type Schedule,
  scheduleFault,
  scheduleWarnings,
  shiftWithinHourMs,
} from '../../adapters/cron-schedule.ts';
import { undiciHttp } from '../../adapters/undici-http.ts';
import type { Config } from '../../config/config.ts';
import { ConfigError, readConfig } from '../../config/read-config.ts';
import type { HttpClient } from '../../shared/http-client.ts';
import type { DaemonPlaces } from './daemon-places.ts';
import type { Flags } from './flags.ts';

/** What SIGHUP replaces as a whole. */
export interface Settings {
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
