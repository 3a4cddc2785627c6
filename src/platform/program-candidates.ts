import { posix, win32 } from 'node:path';
import type { ProcessContext } from './paths.ts';

/** A comment near the beginning of each shim, the programs that `iam-token install` puts in PATH. Never change it. */
export const shimMarker = '# made by iam-token install, and taken away by iam-token uninstall';

/** Set in the environment of the real yc, so that the yc shim detects that it would run itself. */
export const shimRecursionEnv = 'IAM_TOKEN_YC_BEHIND';

/**
 * Possible paths of a program, in order: the folders of PATH, then those that installers add to PATH in shell startup
 * files, which services do not read (yandex.cloud/en/docs/cli/operations/install-cli, November 2026).
 */
export function programCandidates(
  name: string,
  { platform, env, home }: Pick<ProcessContext, 'platform' | 'env' | 'home'>,
): readonly string[] {
  const pathModule = platform === 'win32' ? win32 : posix;
  const fileName = platform === 'win32' ? `${name.replace(/\.exe$/i, '')}.exe` : name;
  const pathVariable = env['PATH'] ?? (platform === 'win32' ? env['Path'] : undefined) ?? '';
  const folders = pathVariable.split(pathModule.delimiter).filter((folder) => pathModule.isAbsolute(folder));
  const homeFolder = home();
  const installerFolders = [
    // Otherwise, it would be a program in the current folder.
    ...(pathModule.isAbsolute(homeFolder) ? [pathModule.join(homeFolder, 'yandex-cloud', 'bin')] : []),
    ...(platform === 'win32' ? [] : ['/usr/local/bin']),
    ...(platform === 'darwin' ? ['/opt/homebrew/bin'] : []),
  ];
  return [...new Set([...folders, ...installerFolders])].map((folder) => pathModule.join(folder, fileName));
}
