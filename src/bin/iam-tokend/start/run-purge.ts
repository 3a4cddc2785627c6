import { readKeyFileSetting } from '../../../config/single-settings.ts';
import { purge } from '../../../daemon/purge.ts';
import type { ProcessContext } from '../../../platform/paths.ts';
import type { CredentialStore } from '../../../stores/credential-store.ts';
import type { DaemonPaths } from '../arguments.ts';
import { writeStderr } from '../daemon-log.ts';

/**
 * `iam-tokend --purge`; the caller holds the locks.
 * @param sockets that this daemon would use, or daemons before it have used
 * @throws IamTokenError that names what is left
 */
export async function runPurge(
  store: CredentialStore,
  paths: DaemonPaths,
  { uid, platform }: ProcessContext,
  sockets: readonly string[],
): Promise<void> {
  const keyFile = await readKeyFileSetting(paths.configFile, platform);
  const warnings = await purge({ store, folders: paths, uid, sockets, keyFile });
  for (const warning of warnings) writeStderr(`warning: ${warning}`);
}
