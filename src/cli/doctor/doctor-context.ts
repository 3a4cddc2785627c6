import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createProgramRunner } from '../../adapters/child-process.ts';
import type { Connection } from '../../client/connection.ts';
import { socketPaths } from '../../client/dial.ts';
import type { Config } from '../../config/config.ts';
import { userFolders } from '../../platform/paths.ts';
import { FileDeadline } from '../../files/file-deadline.ts';
import type { MethodResult } from '../../protocol/method-types.ts';
import type { ProgramRunner } from '../../shared/program-runner.ts';
import type { CommandContext } from '../command.ts';
import type { FullStatus } from '../../protocol/collect-pages.ts';
import { type Probe, probeIam } from './probe-iam.ts';

/** State of one run: each check may add data that later checks use. */
export interface DoctorContext {
  readonly commandContext: CommandContext;
  readonly programs: ProgramRunner;
  readonly configPath: string;
  readonly socketPath: string;
  readonly isExplicit: boolean;
  connection?: Connection;
  hello?: MethodResult<'hello'>;
  status?: FullStatus;
  /** `configuredProxy`: from `config.yaml` alone, without the environment of this shell. */
  settings?: { readonly config: Config; readonly configuredProxy: string | null };
  probes?: Promise<readonly Probe[]>;
}

export function createDoctorContext(commandContext: CommandContext): DoctorContext {
  const { clock, socketPath, processContext } = commandContext;
  const { paths, isExplicit } = socketPaths(socketPath, processContext);
  return {
    commandContext,
    programs: createProgramRunner(processContext, clock, existsSync),
    // Fails without a home folder, which most checks do not need.
    get configPath() {
      return join(userFolders(processContext).config, 'config.yaml');
    },
    // A Windows pipe is at one path.
    socketPath: (processContext.uid === null ? undefined : paths.find(existsSync)) ?? paths[0],
    isExplicit,
  };
}

/** Probes each endpoint that a profile uses, once; the configured one without profiles. */
export function probeEndpoints(context: DoctorContext): Promise<readonly Probe[]> {
  const { commandContext, programs, settings, status } = context;
  if (settings === undefined) return Promise.resolve([]);
  const { config } = settings;
  const endpoints = new Set(status?.profiles.map(({ endpoint }) => endpoint));
  if (endpoints.size === 0) endpoints.add(config.iam.endpoint);
  const { clock, timeoutMs } = commandContext;
  const tools = { clock, programs, fileDeadline: new FileDeadline(clock), timeoutMs };
  context.probes ??= Promise.all([...endpoints].map((endpoint) => probeIam(endpoint, config.network, tools)));
  return context.probes;
}
