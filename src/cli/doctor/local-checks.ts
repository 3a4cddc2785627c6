/** Checks that need no daemon, up to its socket. */
import { existsSync, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { findScheduleViolation } from '../../adapters/cron-schedule.ts';
import { deadlineAfter } from '../../client/deadline.ts';
import { DaemonNotRunningError, dialFirst, dialRecorded } from '../../client/dial.ts';
import { explainDenial, findDaemon } from '../../client/find-daemon.ts';
import { findConfigAccessWarning } from '../../config/config-access.ts';
import { readConfig } from '../../config/read-config.ts';
import { openSocketFolder } from '../../files/sockets/socket-folder.ts';
import { upgradeCommand } from '../../platform/service-manager.ts';
import { daemonHint } from '../../shared/hint.ts';
import { quoteShellWord } from '../../shared/shell-quoting.ts';
import { version } from '../../shared/version.ts';
import { type Check, fail, pass, skip, warn } from './check-result.ts';
import { describeClient } from './describe-client.ts';

const client: Check = {
  name: 'client',
  dependsOn: null,
  run: ({ commandContext }) =>
    pass(`iam-token ${version} on Node ${process.version}; ${describeClient(commandContext.processContext)}`),
};

const configuration: Check = {
  name: 'configuration',
  dependsOn: null,
  defaultHint: ({ configPath }) => daemonHint(`correct ${configPath}, then run: iam-token doctor`),

  async run(context) {
    const { configPath, commandContext } = context;
    const nowMs = commandContext.clock.now().wallMs;
    const readWith = (environment: typeof commandContext.processContext.env): ReturnType<typeof readConfig> =>
      readConfig(configPath, false, {
        flags: {},
        environment,
        validateSchedule: (pattern) => findScheduleViolation(pattern, nowMs),
        platform: commandContext.processContext.platform,
      });
    const { config, warnings } = await readWith(commandContext.processContext.env);
    const file = await readWith({});
    context.settings = { config, configuredProxy: file.config.network.proxy };
    const { uid } = commandContext.processContext;
    const access = await findConfigAccessWarning(configPath, uid, file.hasPassword);
    const results = [
      ...(warnings.length > 0 ? [warn(warnings.join('; '))] : []),
      ...(access === null ? [] : [warn(access.message, access.command)]),
    ];
    if (results.length > 0) return results;
    return pass(existsSync(configPath) ? configPath : `no ${configPath}; using the defaults`);
  },
};

const folder: Check = {
  name: 'folder',
  dependsOn: null,

  run({ socketPath, isExplicit, commandContext: { processContext } }) {
    if (processContext.uid === null)
      return skip('a Windows pipe has no folder; the daemon proves its identity');
    const path = dirname(socketPath);
    const { uid, platform } = processContext;
    const { check, close } = openSocketFolder({ socketPath, isExplicit, uid }, platform);
    close();
    switch (check.kind) {
      case 'private':
        return pass(`only you have access to ${path}`);
      case 'guarded':
        return pass(`other users can access ${path}: login and unlock are refused`);
      case 'missing':
        return skip(`${path} does not exist yet; the daemon creates it`);
      case 'untrusted': {
        const { message, hint } = explainDenial(socketPath, undefined, processContext) ?? check;
        return fail('unreachable', message, hint);
      }
      default:
        return check satisfies never;
    }
  },
};

const socket: Check = {
  name: 'socket',
  dependsOn: 'folder',

  async run(context) {
    const { socketPath, isExplicit, commandContext } = context;
    const { processContext, timeoutMs } = commandContext;
    const isPipe = processContext.uid === null;
    const entry = isPipe ? undefined : lstatSync(socketPath, { throwIfNoEntry: false });
    if (entry?.isSocket() === false) {
      const command = `rm ${quoteShellWord(socketPath, processContext.platform)}`;
      return fail('unreachable', `${socketPath} is not a socket`, command);
    }
    const deadline = deadlineAfter(timeoutMs);
    try {
      context.connection = await dialFirst([socketPath], isExplicit, processContext, deadline);
      return pass(socketPath);
    } catch (error) {
      if (!(error instanceof DaemonNotRunningError)) throw error;
      const explicitPath = isExplicit ? socketPath : undefined;
      context.connection = await dialRecorded(error, explicitPath, processContext, deadline);
    }
    const foundPath = findDaemon(undefined, processContext)?.socket ?? 'another socket';
    const reason = `no socket at ${socketPath}: iam-token uses ${foundPath}, other programs do not find it`;
    return warn(reason, upgradeCommand(processContext));
  },
};

export const localChecks: readonly Check[] = [client, configuration, folder, socket];
