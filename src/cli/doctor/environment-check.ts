/** Checks the environment of this shell, of the daemon and of its service manager for variables that it does not accept. */
import {
  type UnsafeVariable,
  findUnsafeVariables,
  unsafeVariables,
} from '../../platform/unsafe-environment.ts';
import { systemPaths } from '../../platform/paths.ts';
import { upgradeCommand, userManagerFolder } from '../../platform/service-manager.ts';
import { daemonHint } from '../../shared/hint.ts';
import { type Check, type CheckResult, pass, warn } from './check-result.ts';
import type { DoctorContext } from './doctor-context.ts';

const queryTimeoutMs = 3_000;

export const environmentCheck: Check = {
  name: 'environment',
  dependsOn: null,

  async run(context) {
    const results = [checkShell(context), checkDaemon(context), await checkServiceManager(context)].filter(
      (result) => result !== null,
    );
    return results.length > 0 ? results : pass('no unsafe variable is set');
  },
};

function checkShell({ commandContext: { processContext } }: DoctorContext): CheckResult | null {
  const found = findUnsafeVariables(processContext.env).filter(
    ({ isCommonInShells }) => isCommonInShells !== true,
  );
  if (found.length === 0) return null;
  return warn(`in this shell: ${formatVariables(found)}`, unsetCommand(found, processContext.platform));
}

function checkDaemon({ status, commandContext: { processContext } }: DoctorContext): CheckResult | null {
  const names = status?.daemon.unsafeEnvironment ?? [];
  const found = unsafeVariables.filter(({ name }) => names.includes(name));
  if (found.length === 0) return null;
  // The task of Windows does not report itself as a manager.
  const isService = Boolean(status?.daemon.manager) || processContext.platform === 'win32';
  const command = isService
    ? upgradeCommand(processContext)
    : `${unsetCommand(found, processContext.platform)}; iam-token stop; iam-tokend &`;
  return warn(`the daemon was started with ${formatVariables(found)}`, daemonHint(command));
}

/** The units of `iam-token install` unset them; the daemon does not see them. */
async function checkServiceManager(context: DoctorContext): Promise<CheckResult | null> {
  const isSystemWide = context.socketPath === systemPaths.socket;
  const runtimeFolder = userManagerFolder(context.commandContext.processContext);
  const systemctl = context.programs.find('systemctl');
  if (systemctl === null || (!isSystemWide && runtimeFolder === null)) return null;
  const manager = isSystemWide ? '--system' : '--user';
  const { stdout } = await context.programs.run(
    {
      path: systemctl,
      args: [manager, 'show-environment'],
      environment: isSystemWide ? {} : { XDG_RUNTIME_DIR: runtimeFolder ?? undefined },
    },
    context.commandContext.clock.timeoutSignal(queryTimeoutMs),
  );
  // Values with special characters are quoted as $'…'.
  const variables = [...stdout.matchAll(/^(\w+)=(.+)$/gm)].map(([, name = '', value = '']) => [name, value]);
  const found = findUnsafeVariables(Object.fromEntries(variables) as Record<string, string>);
  if (found.length === 0) return null;
  const command = `systemctl ${manager} unset-environment ${namesOf(found)}`;
  return warn(`systemd sets for every service: ${formatVariables(found)}`, command);
}

/** The names, each with what it could do. */
function formatVariables(found: readonly UnsafeVariable[]): string {
  return found.map(({ name, effect }) => `${name}, which can ${effect}`).join('; ');
}

function namesOf(found: readonly UnsafeVariable[]): string {
  return found.map(({ name }) => name).join(' ');
}

function unsetCommand(found: readonly UnsafeVariable[], platform: NodeJS.Platform): string {
  return platform === 'win32'
    ? `Remove-Item ${found.map(({ name }) => `Env:${name}`).join(', ')}`
    : `unset ${namesOf(found)}`;
}
