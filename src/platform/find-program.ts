import { posix, win32 } from 'node:path';
import type { Surroundings } from './places.ts';

/** In each program that `iam-token install` puts on a person's path, near its beginning. */
export const ownProgramMark = '# made by iam-token install, and taken away by iam-token uninstall';

/** Names the yc that we run, for a yc that turns out to be ours and would run it again. */
export const behindVariable = 'IAM_TOKEN_YC_BEHIND';

/**
 * Where a program can lie, first choice first: the folders of PATH, and those that services do not have in theirs,
 * because installers add them in the files of a shell (yandex.cloud/en/docs/cli/operations/install-cli, November 2026).
 */
export function programPlaces(
  name: string,
  { platform, env, home }: Pick<Surroundings, 'platform' | 'env' | 'home'>,
): readonly string[] {
  const path = platform === 'win32' ? win32 : posix;
  const file = platform === 'win32' ? `${name}.exe` : name;
  const variable = env['PATH'] ?? (platform === 'win32' ? env['Path'] : undefined) ?? '';
  const folders = variable.split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  const beside = [
    path.join(home(), 'yandex-cloud', 'bin'),
    ...(platform === 'win32' ? [] : ['/usr/local/bin']),
    ...(platform === 'darwin' ? ['/opt/homebrew/bin'] : []),
  ];
  return [...new Set([...folders, ...beside])].map((folder) => path.join(folder, file));
}
