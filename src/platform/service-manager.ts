import { posix } from 'node:path';
import type { Surroundings } from './places.ts';

type Known = Pick<Surroundings, 'platform' | 'env' | 'uid' | 'isOurs'>;

/** The folder of this person's runtime files, where a user manager of systemd runs in it; `null` where none does. */
export function userManagerFolder({ platform, env, uid, isOurs }: Known): string | null {
  if (platform !== 'linux') return null;
  const folders = [env['XDG_RUNTIME_DIR'] ?? '', `/run/user/${uid}`].filter((folder) =>
    posix.isAbsolute(folder),
  );
  return folders.find((folder) => isOurs(posix.join(folder, 'systemd'))) ?? null;
}

/** Whether something here starts programs for a person, and starts them again. */
export function hasServiceManager(known: Known): boolean {
  if (known.platform === 'darwin' || known.platform === 'win32') return true;
  return known.uid !== 0 && userManagerFolder(known) !== null;
}

/** What a person types to have a daemon. */
export function startCommand(known: Known): string {
  return hasServiceManager(known) ? 'iam-token install' : 'iam-tokend &';
}

/** What a person types so that the daemon is of the release that is installed. */
export function renewCommand(known: Known): string {
  return hasServiceManager(known) ? 'iam-token install' : 'iam-token stop, then: iam-tokend &';
}
