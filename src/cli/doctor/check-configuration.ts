import { join } from 'node:path';
import { findScheduleViolation } from '../../adapters/cron-schedule.ts';
import { ConfigError, readConfig } from '../../config/read-config.ts';
import { systemPaths, userFolders } from '../../platform/paths.ts';
import type { CommandContext } from '../command.ts';

/**
 * A service that exits because of its configuration would only say so in its log.
 * @returns the path, and all violations; `null` if it is valid
 */
export async function checkConfiguration(
  { processContext, clock }: CommandContext,
  isSystemWide: boolean,
): Promise<{ readonly path: string; readonly violations: readonly string[] } | null> {
  const path = isSystemWide
    ? systemPaths.configFile
    : join(userFolders(processContext).config, 'config.yaml');
  const nowMs = clock.now().wallMs;
  try {
    await readConfig(path, false, {
      flags: {},
      // A service does not inherit the variables of a shell.
      environment: {},
      validateSchedule: (pattern) => findScheduleViolation(pattern, nowMs),
      platform: processContext.platform,
    });
    return null;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Data, as the error classes of another bundle are not those of this one.
    return { path, violations: error.message.split('\n') };
  }
}
