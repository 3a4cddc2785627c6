import { dirname } from 'node:path';
import { IamTokenError } from '../client/iam-token-error.ts';
import { defaultTimeoutMs } from '../client/request-token.ts';
import { folders, type Surroundings, systemPlaces } from '../platform/places.ts';
import { hasServiceManager, userManagerFolder } from '../platform/service-manager.ts';
import { launchdAgent } from '../service/launchd-agent.ts';
import { type Ended, runProgram } from '../service/run-program.ts';
import type { ProgramCall, Service } from '../service/service.ts';
import { systemdSystemUnits, systemdUnits } from '../service/systemd-units.ts';
import { windowsTask } from '../service/windows-task.ts';
import type { Call } from './command.ts';
import { usageError } from './endings.ts';

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
    throw new IamTokenError('internal', `${each.argv.join(' ')}: ${firstLine(stderr)}`, { hint });
  }
}

export function runOne(each: ProgramCall, { surroundings, options, clock }: Call): Promise<Ended> {
  const { env } = surroundings;
  // `su` and cron take the variable away, and systemctl needs it.
  const runtimeFolder = userManagerFolder(surroundings);
  const environment = runtimeFolder === null ? { ...env } : { ...env, XDG_RUNTIME_DIR: runtimeFolder };
  return runProgram(each, environment, clock.deadline(options.durationMs('timeout') ?? defaultTimeoutMs));
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
