import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { childProcesses } from '../../adapters/child-process.ts';
import type { Connection } from '../../client/connection.ts';
import { socketPaths } from '../../client/dial.ts';
import type { IamTokenErrorCode } from '../../client/iam-token-error.ts';
import type { Config } from '../../config/config.ts';
import { folders } from '../../platform/places.ts';
import { lstat } from '../../platform/surroundings.ts';
import type { Answer } from '../../protocol/messages.ts';
import type { Programs } from '../../shared/programs.ts';
import type { Call } from '../command.ts';
import type { WholeStatus } from '../pages.ts';
import { type Probe, probeIam } from './network.ts';

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

const verdict =
  (mark: Verdict['mark']) =>
  (reason: string, command: string | null = null): Verdict => ({ mark, reason, command, code: null });
export const ok = verdict('ok');
export const skipped = verdict('skipped');
export const warning = verdict('warning');
export const failed = (code: IamTokenErrorCode, reason: string, command?: string | null): Verdict => ({
  ...verdict('failed')(reason, command),
  code,
});

/** What is known so far: a check adds to it, and those after it go on from there. */
export interface Examination {
  readonly call: Call;
  readonly programs: Programs;
  readonly configPath: string;
  readonly socketPath: string;
  readonly isNamed: boolean;
  connection?: Connection;
  hello?: Answer<'hello'>;
  status?: WholeStatus;
  /** `proxyOfFile`: the one that `config.yaml` names, whatever this shell says. */
  settings?: { readonly config: Config; readonly proxyOfFile: string | null };
  probes?: Promise<readonly Probe[]>;
}

export function examinationFor(call: Call): Examination {
  const { clock, socketPath, surroundings } = call;
  const { paths, isNamed } = socketPaths(socketPath, surroundings);
  return {
    call,
    programs: childProcesses(surroundings, clock, existsSync),
    configPath: join(folders(surroundings).config, 'config.yaml'),
    socketPath: (paths.length > 1 ? paths.find((path) => lstat(path)) : undefined) ?? paths[0],
    isNamed,
  };
}

/** Asks each installation that a profile belongs to, once; the configured one where there is no profile. */
export function probesOf(examination: Examination): Promise<readonly Probe[]> {
  const { call, programs, settings, status } = examination;
  if (settings === undefined) return Promise.resolve([]);
  const { config } = settings;
  const endpoints = new Set(status?.profiles.map(({ endpoint }) => endpoint));
  if (endpoints.size === 0) endpoints.add(config.iam.endpoint);
  const tools = { clock: call.clock, programs, timeoutMs: call.timeoutMs };
  examination.probes ??= Promise.all(
    [...endpoints].map((endpoint) => probeIam(endpoint, config.network, tools)),
  );
  return examination.probes;
}
