import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../config/config.ts';
import type { Hooks } from '../../daemon/hooks/hooks.ts';
import type { Profiles } from '../../daemon/profiles/profiles.ts';
import { problemOf } from '../../shared/errors.ts';
import type { DaemonLog } from './daemon-log.ts';
import type { ReloadableSettings } from './settings.ts';

/** Applies a changed configuration, or logs why the previous one stays in force. Never throws. */
export async function reloadSettings(
  settings: ReloadableSettings,
  { profiles, hooks }: { readonly profiles: Profiles; readonly hooks: Pick<Hooks, 'check'> },
  log: DaemonLog,
): Promise<void> {
  const { config: previousConfig } = settings.current;
  const logProblem = (error: unknown): void => {
    for (const line of problemOf(error).message.split('\n')) log.write('error', line);
  };
  try {
    await settings.reload();
  } catch (error) {
    logProblem(error);
    return log.write('error', 'the previous configuration stays in force');
  }
  const { config, warnings } = settings.current;
  log.setLevel(config.log.level);
  profiles.reschedule();
  await profiles.recheckTrust().catch(logProblem);
  log.write('info', 'reloaded the configuration');
  void hooks.check();
  for (const warning of [...warnings, ...findRestartWarnings(config, previousConfig)]) log.warn(warning);
}

function findRestartWarnings(config: Config, previousConfig: Config): readonly string[] {
  const hasChanged = (key: keyof Config): boolean => !isDeepStrictEqual(config[key], previousConfig[key]);
  const warnings: string[] = [];
  if (hasChanged('store') || hasChanged('file')) warnings.push('store: a change requires a restart');
  for (const key of ['http', 'metadata', 'metrics', 'systemd'] as const)
    if (hasChanged(key)) warnings.push(`${key}: a change requires a restart`);
  return warnings;
}
