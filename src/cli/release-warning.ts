import { renewCommand } from '../platform/service-manager.ts';
import { version } from '../shared/version.ts';
import type { Call } from './command.ts';
import { printWarning } from './terminal.ts';

/** Says where an upgrade has left the daemon behind; it goes on to work. */
export function warnOfOtherRelease(daemonVersion: string, { surroundings }: Call): void {
  if (daemonVersion === version) return;
  printWarning(
    `the daemon is of release ${daemonVersion}, this client of ${version}`,
    renewCommand(surroundings),
  );
}
