import { dirname } from 'node:path';
import * as methods from '../protocol/methods.ts';
import { IamTokenError } from '../shared/errors.ts';
import { userFolders, type ProcessContext, systemPaths } from '../platform/paths.ts';
import { hasServiceManager, isSystemdRunning, userManagerFolder } from '../platform/service-manager.ts';
import { defineLaunchdAgent } from '../service/launchd-agent.ts';
import { type ProgramResult, runProgram } from '../service/run-program.ts';
import type { SystemCommand, ServiceDefinition } from '../service/service-definition.ts';
import { defineSystemdSystemUnits, defineSystemdUnits } from '../service/systemd-units.ts';
import { defineWindowsTask } from '../service/windows-task.ts';
import { type CommandContext, withDaemon } from './command.ts';
import { usageError } from './cli-errors.ts';
import {
  findRecordedDaemon,
  findUnreachableDaemon,
  isProcessOfUnit,
  stopProcess,
  waitForEnd,
} from './stop-daemon.ts';
import { printNote } from './terminal/terminal.ts';

/**
 * The service of the current user.
 * @throws IamTokenError `bad_request` for root, and without a service manager
 */
export function findUserService(processContext: ProcessContext): ServiceDefinition {
  const { uid } = processContext;
  if (uid === 0) {
    throw usageError(
      'a service installed by root would serve only root',
      'for your own user, without sudo: iam-token install\nfor all users: iam-token install --system',
    );
  }
  if (!hasServiceManager(processContext)) {
    throw usageError('no service manager is running for your user (systemd --user)', 'iam-tokend &');
  }
  return defineUserService(processContext);
}

/** The service of the current user, whether or not its manager is running. */
export function defineUserService(processContext: ProcessContext): ServiceDefinition {
  const { platform, uid } = processContext;
  const { config, state, log } = userFolders(processContext);
  if (platform === 'win32') {
    const { env, userName } = processContext;
    return defineWindowsTask(`${env['USERDOMAIN'] ?? '.'}\\${userName()}`, state, log);
  }
  return platform === 'darwin'
    ? defineLaunchdAgent(processContext.home(), uid, log)
    : defineSystemdUnits(dirname(config), uid, userManagerFolder(processContext) ?? `/run/user/${uid}`);
}

/**
 * The service of the whole system.
 * @throws IamTokenError `bad_request` for users other than root, and without systemd
 */
export function findSystemService(processContext: ProcessContext): ServiceDefinition {
  requireRoot(processContext, 'install');
  if (!isSystemdRunning(processContext)) {
    throw usageError(
      'systemd is not running on this machine',
      `iam-tokend --config ${systemPaths.configFile} &`,
    );
  }
  return defineSystemdSystemUnits();
}

/**
 * The service of the whole system, whether or not systemd is running.
 * @throws IamTokenError `bad_request` for users other than root
 */
export function defineSystemService(processContext: ProcessContext): ServiceDefinition {
  requireRoot(processContext, 'uninstall');
  return defineSystemdSystemUnits();
}

function requireRoot({ uid }: ProcessContext, command: 'install' | 'uninstall'): void {
  if (uid !== 0) throw usageError('--system requires root', `sudo iam-token ${command} --system`);
}

/**
 * Runs the programs in sequence.
 * @throws IamTokenError `internal` for the first that fails, unless it may
 */
export async function runAll(
  programCalls: readonly SystemCommand[],
  context: CommandContext,
  hint?: string,
): Promise<void> {
  for (const programCall of programCalls) {
    const { code, stderr } = await runOne(programCall, context);
    if (code === 0 || programCall.mayFail) continue;
    const [firstLine] = stderr.split('\n');
    const message = `${programCall.argv.join(' ')} failed: ${firstLine || `exit code ${code}`}`;
    throw new IamTokenError({ code: 'internal', message, hint });
  }
}

export function runOne(
  programCall: SystemCommand,
  { processContext, timeoutMs, clock }: CommandContext,
): Promise<ProgramResult> {
  const { env } = processContext;
  // systemctl needs the variable, which `su` and cron remove.
  const runtimeFolder = userManagerFolder(processContext);
  const programEnvironment = runtimeFolder === null ? { ...env } : { ...env, XDG_RUNTIME_DIR: runtimeFolder };
  return runProgram(programCall, programEnvironment, clock.timeoutSignal(timeoutMs));
}

/** A running daemon responds at once. */
const stopTimeoutMs = 3_000;

/**
 * Stops a daemon that was started by hand: it holds the locks that the service needs. On Windows it stops any daemon,
 * because the Task Scheduler does not tell a program what started it.
 * @param unit the service, whose own daemon is not stopped
 * @returns the kind of its store; `null` if there is no such daemon, and if that is not known
 */
export async function stopUnmanagedDaemon(userContext: CommandContext, unit: string): Promise<string | null> {
  const context = { ...userContext, timeoutMs: stopTimeoutMs };
  const recordedDaemon = findRecordedDaemon(context);
  try {
    return await withDaemon(context, async (connection, deadline) => {
      const { daemon } = await connection.call(methods.status, { limit: 1 }, deadline);
      if (daemon.manager) return null;
      await connection.call(methods.stop, {}, deadline);
      await connection.waitForClose(deadline);
      await waitForEnd(recordedDaemon, context);
      printNote(`stopped the running daemon (process ${daemon.pid})`);
      return daemon.store.kind;
    });
  } catch (error) {
    // No daemon, or one that does not stop: then the service fails to start, with the reason in its log.
    if (!(error instanceof IamTokenError)) throw error;
    const daemon = findUnreachableDaemon(context, error);
    if (daemon === null || isProcessOfUnit(daemon.pid, unit)) return null;
    await stopProcess(daemon, context);
    printNote(`stopped the running daemon (process ${daemon.pid})`);
    return null;
  }
}
