import { hostname } from 'node:os';
import {
  createCronSchedule,
  type Schedule,
  findScheduleViolation,
  findScheduleWarnings,
  hourlyShiftMs,
  shiftSchedule,
} from '../../adapters/cron-schedule.ts';
import { createUndiciHttpClient } from '../../adapters/undici-http-client.ts';
import { findConfigAccessWarning } from '../../config/config-access.ts';
import { CertificateFiles } from '../../config/certificate-files.ts';
import type { Config } from '../../config/config.ts';
import { ConfigError, readConfig } from '../../config/read-config.ts';
import type { TrustSnapshot } from '../../daemon/credential-trust.ts';
import type { FileDeadline } from '../../files/file-deadline.ts';
import { readTextAsync } from '../../files/read-guarded-file.ts';
import type { Clock } from '../../shared/clock.ts';
import type { HttpClient } from '../../shared/http-client.ts';
import type { DaemonPaths, Flags } from './arguments.ts';

/** The configuration, and what is built from it. */
export interface Settings {
  readonly config: Config;
  readonly warnings: readonly string[];
  /** Connections, and the certificates that they trust. */
  readonly trust: CertificateTrust;
  readonly getSchedule: (instance: string, profile: string) => Schedule;
}

interface CertificateTrust {
  /** `warnings`: why a changed file of certificates is not used, once. */
  read(): Promise<TrustSnapshot & { readonly warnings: readonly string[] }>;
}

const noHooks: Config['hooks'] = { rotated: null, failing: null, login_required: null, locked: null };

/** Settings that a reload replaces as a whole, or not at all. */
export class ReloadableSettings {
  readonly #load: () => Promise<Settings>;
  #current: Settings;

  private constructor(load: () => Promise<Settings>, current: Settings) {
    this.#load = load;
    this.#current = current;
  }

  /** @throws ConfigError */
  static async load(load: () => Promise<Settings>): Promise<ReloadableSettings> {
    return new ReloadableSettings(load, await load());
  }

  get current(): Settings {
    return this.#current;
  }

  /** @throws ConfigError */
  async reload(): Promise<void> {
    this.#current = await this.#load();
  }
}

/** @throws ConfigError */
export async function loadSettings(
  flags: Flags,
  { configFile, isSystemWide }: DaemonPaths,
  clock: Clock,
  uid: number | null,
  fileDeadline: FileDeadline,
): Promise<Settings> {
  const nowMs = clock.now().wallMs;
  const input = {
    flags: { store: flags.store, logLevel: flags['log-level'] },
    environment: process.env,
    validateSchedule: (pattern: string) => findScheduleViolation(pattern, nowMs),
    platform: process.platform,
    readText: (path: string) => fileDeadline.run(`text of ${path}`, () => readTextAsync(path)),
  };
  const { config, warnings, hasPassword, caFile, extraCaFile } = await readConfig(
    configFile,
    flags.config !== undefined,
    input,
  ).catch((error: unknown) => {
    // A file that is about to be deleted need not be valid.
    if (flags.purge === true && error instanceof ConfigError) return readConfig(null, false, input);
    throw error;
  });
  if (isSystemWide) requireSystemWideConfig(config, configFile);
  const certificateFiles = new CertificateFiles(caFile, extraCaFile, uid, fileDeadline);
  const certificateWarnings = flags.purge === true ? [] : (await certificateFiles.read()).warnings;
  const { schedule } = config.refresh;
  const access = await findConfigAccessWarning(configFile, uid, hasPassword);
  const accessWarning = access && [access.message, access.command].filter(Boolean).join('; run: ');
  const hasHooks = Object.values(config.hooks).some((command) => command !== null);
  const isHookUnsafe = hasHooks && access !== null;
  return {
    // Otherwise another user could choose what this one runs.
    config: isHookUnsafe ? { ...config, hooks: noHooks } : config,
    warnings: [
      ...warnings,
      ...certificateWarnings,
      ...findScheduleWarnings(schedule, nowMs),
      ...(accessWarning === null ? [] : [accessWarning]),
      ...(isHookUnsafe ? [`hooks are ignored: ${accessWarning}`] : []),
    ],
    trust: createTrustSource(config.network, certificateFiles, clock),
    getSchedule: createScheduleLookup(config.refresh),
  };
}

/** The files are read again when they change; until then, all requests share one parsed set of certificates. */
function createTrustSource(
  network: Config['network'],
  files: CertificateFiles,
  clock: Clock,
): CertificateTrust {
  let current: { readonly certificates: readonly string[]; readonly http: HttpClient } | undefined;
  return {
    read: async () => {
      const { certificates, anchors, warnings } = await files.read();
      if (current?.certificates !== certificates) {
        current = { certificates, http: createUndiciHttpClient({ ...network, certificates }, clock) };
      }
      return { anchors, http: current.http, warnings };
    },
  };
}

function createScheduleLookup({ schedule, spread }: Config['refresh']): Settings['getSchedule'] {
  let unshifted: Schedule | undefined;
  return (instance, profile) => {
    unshifted ??= createCronSchedule(schedule);
    return shiftSchedule(unshifted, spread ? hourlyShiftMs(hostname(), instance, profile) : 0);
  };
}

function requireSystemWideConfig({ store, http }: Config, configFile: string): void {
  if (store === 'keychain') {
    throw new ConfigError(
      `${configFile}: a system-wide daemon has no keychain; choose another store, such as file`,
    );
  }
  if (http.socket) {
    throw new ConfigError(`${configFile}: http.socket is not available to a system-wide daemon`);
  }
}
