import { dirname } from 'node:path';
import { IamTokenError } from '../client/iam-token-error.ts';
import { folders, type Surroundings, systemPlaces } from '../platform/places.ts';
import { hasServiceManager, userManagerFolder } from '../platform/service-manager.ts';
import * as methods from '../protocol/methods.ts';
import { launchdAgent } from '../service/launchd-agent.ts';
import { type Ended, runProgram } from '../service/run-program.ts';
import type { ProgramCall, Service } from '../service/service.ts';
import { systemdSystemUnits, systemdUnits } from '../service/systemd-units.ts';
import { windowsTask } from '../service/windows-task.ts';
import { type Call, withDaemon } from './command.ts';
import { usageError } from './endings.ts';
import { note } from './terminal.ts';

/**
 * The daemon as the service manager of this machine has it.
 * @param isForSystem and not for the person who calls
 * @param otherwise the hint where no manager runs; how to start the daemon unless given
 * @throws IamTokenError `bad_request` where there is none
 */
export function thisService(surroundings: Surroundings, isForSystem = false, otherwise?: string): Service {
  const { platform, uid } = surroundings;
  if (isForSystem) return systemService(surroundings, otherwise);
  if (uid === 0) {
    throw usageError(
      'a daemon of root would have the credentials of root, and nobody else could ask it',
      'run this as the person who needs tokens, without sudo; or, for all users of this machine: iam-token install --system',
    );
  }
  if (!hasServiceManager(surroundings)) {
    throw usageError(
      'there is no service manager here that starts programs for you',
      otherwise ?? 'start the daemon yourself: iam-tokend &',
    );
  }
  const { config, state, log } = folders(surroundings);
  if (platform === 'win32') {
    const { env, userName } = surroundings;
    return windowsTask(`${env['USERDOMAIN'] ?? '.'}\\${userName()}`, state, log);
  }
  return platform === 'darwin'
    ? launchdAgent(surroundings.home(), uid, log)
    : systemdUnits(dirname(config), uid);
}

function systemService({ platform, uid, isOurs }: Surroundings, otherwise?: string): Service {
  if (uid !== 0) throw usageError('only root can do that for the whole system', 'sudo iam-token …');
  // sd_booted(3)
  if (platform !== 'linux' || !isOurs('/run/systemd/system')) {
    throw usageError(
      'there is no systemd here that runs the system',
      otherwise ?? `start the daemon yourself: iam-tokend --config ${systemPlaces.configFile} &`,
    );
  }
  return systemdSystemUnits();
}

/**
 * Runs one after the other.
 * @throws IamTokenError `internal`, at the first that fails and may not
 */
export async function runAll(calls: readonly ProgramCall[], call: Call, hint?: string): Promise<void> {
  for (const each of calls) {
    const { code, stderr } = await runOne(each, call);
    if (code === 0 || each.mayFail) continue;
    const [firstLine = ''] = stderr.split('\n');
    throw new IamTokenError('internal', `${each.argv.join(' ')}: ${firstLine}`, { hint });
  }
}

export function runOne(each: ProgramCall, { surroundings, timeoutMs, clock }: Call): Promise<Ended> {
  const { env } = surroundings;
  // `su` and cron take the variable away, and systemctl needs it.
  const runtimeFolder = userManagerFolder(surroundings);
  const environment = runtimeFolder === null ? { ...env } : { ...env, XDG_RUNTIME_DIR: runtimeFolder };
  return runProgram(each, environment, clock.deadline(timeoutMs));
}

/** A daemon that answers does so at once. */
const answerAtMostMs = 3_000;

/**
 * Ends a daemon that answers and that no service manager has started: it would hold what the service needs. The Task
 * Scheduler of Windows does not tell a program who started it, so there any daemon ends.
 */
export async function endDaemonByHand(call: Call): Promise<void> {
  try {
    await withDaemon({ ...call, timeoutMs: answerAtMostMs }, async (connection, patience) => {
      const { daemon } = await connection.ask(methods.status, { limit: 1 }, patience);
      if (daemon.manager) return;
      await connection.ask(methods.stop, {}, patience);
      await connection.untilEnded(patience);
      note(`stopped the daemon that ran so far (process ${daemon.pid})`);
    });
  } catch (error) {
    // There is none, or none that could be ended this way: the service says so when it starts.
    if (!(error instanceof IamTokenError)) throw error;
  }
}
