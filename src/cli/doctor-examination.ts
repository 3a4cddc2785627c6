import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { scheduleFault } from '../adapters/cron-schedule.ts';
import type { Connection } from '../client/connection.ts';
import { socketPaths } from '../client/dial.ts';
import type { IamTokenErrorCode } from '../client/iam-token-error.ts';
import type { Config } from '../config/config.ts';
import { readConfig } from '../config/read-config.ts';
import { folders } from '../platform/places.ts';
import type { Answer } from '../protocol/messages.ts';
import type { Programs } from '../shared/programs.ts';
import type { Call } from './command.ts';
import { type Probe, probeIam } from './doctor-network.ts';
import type { WholeStatus } from './pages.ts';

export interface Verdict {
  /** Where it is about a part of what the check looks at. */
  readonly check?: string;
  readonly mark: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly reason: string;
  /** What to do, best as a command to type. */
  readonly command: string | null;
  /** What a failure counts as for the exit code. */
  readonly code: IamTokenErrorCode | null;
}

export const ok = (reason: string): Verdict => ({ mark: 'ok', reason, command: null, code: null });
export const skipped = (reason: string): Verdict => ({ mark: 'skipped', reason, command: null, code: null });
export const warning = (reason: string, command: string | null = null): Verdict => ({
  mark: 'warning',
  reason,
  command,
  code: null,
});
export const failed = (code: IamTokenErrorCode, reason: string, command: string | null = null): Verdict => ({
  mark: 'failed',
  reason,
  command,
  code,
});

/** What is known so far: a check adds to it, and those after it go on from there. */
export class Examination {
  readonly call: Call;
  readonly programs: Programs;
  readonly timeoutMs: number;
  readonly configPath: string;
  readonly socketPath: string;
  readonly isNamed: boolean;
  connection: Connection | null = null;
  hello: Answer<'hello'> | null = null;
  status: WholeStatus | null = null;
  config: Config | null = null;
  /** The proxy that `config.yaml` names, whatever this shell says. */
  proxyOfFile: string | null = null;
  #probes: Promise<readonly Probe[]> | null = null;

  constructor(call: Call, programs: Programs) {
    const { surroundings } = call;
    this.call = call;
    this.programs = programs;
    this.timeoutMs = call.timeoutMs;
    this.configPath = join(folders(surroundings).config, 'config.yaml');
    const { paths, isNamed } = socketPaths(call.socketPath, surroundings);
    this.socketPath = (paths.length > 1 ? paths.find(isThere) : undefined) ?? paths[0];
    this.isNamed = isNamed;
  }

  /**
   * @returns warnings
   * @throws ConfigError
   */
  async readConfiguration(): Promise<readonly string[]> {
    const { clock, surroundings } = this.call;
    const read = (environment: typeof surroundings.env): ReturnType<typeof readConfig> =>
      readConfig(this.configPath, false, {
        flags: {},
        environment,
        scheduleFault: (pattern) => scheduleFault(pattern, clock.now().wallMs),
      });
    const { config, warnings } = await read(surroundings.env);
    this.config = config;
    this.proxyOfFile = (await read({})).config.network.proxy;
    return warnings;
  }

  /** Asks each installation that a profile belongs to; the configured one where there is no profile. */
  probes(): Promise<readonly Probe[]> {
    const { config } = this;
    if (config === null) return Promise.resolve([]);
    const endpoints = new Set(this.status?.profiles.map(({ endpoint }) => endpoint));
    if (endpoints.size === 0) endpoints.add(config.iam.endpoint);
    const { clock } = this.call;
    const tools = { clock, programs: this.programs, timeoutMs: this.timeoutMs };
    this.#probes ??= Promise.all([...endpoints].map((endpoint) => probeIam(endpoint, config.network, tools)));
    return this.#probes;
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
