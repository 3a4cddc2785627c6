import { join } from 'node:path';
import { closedInspectorOption } from '../platform/inspector-option.ts';

/** The oldest Node that the daemon runs on. */
const minNodeVersion = [20, 19] as const;
/** Paths of a system-wide Node that stay valid across upgrades. */
const systemNodePaths: Partial<Readonly<Record<NodeJS.Platform, readonly string[]>>> = {
  linux: ['/usr/bin/node'],
  darwin: ['/opt/homebrew/bin/node', '/usr/local/bin/node'],
};
const versionManagerPattern = /[/\\]\.?(?:nvm|volta|fnm|fnm_multishells|asdf|mise|nodenv|nvs|_npx)[/\\]/;

/** The command that starts the daemon. */
export function daemonCommand(node: string, program: string): readonly [string, ...string[]] {
  return [node, closedInspectorOption, program];
}

/** Where a self-contained package has its own Node: beside the native client, which starts it too. */
export function packagedNodePath(nativeFolder: string, platform: NodeJS.Platform): string {
  return join(nativeFolder, platform === 'win32' ? 'node.exe' : 'node');
}

/**
 * The Node for the service: that of the package if it has one, else a supported system-wide one, else the current one.
 * @param readVersion the output of `PROGRAM --version`; `null` if it does not run
 */
export async function findServiceNode(
  platform: NodeJS.Platform,
  { current, packaged }: { readonly current: string; readonly packaged: string | null },
  readVersion: (program: string) => Promise<string | null>,
): Promise<string> {
  if (packaged !== null) return packaged;
  for (const path of systemNodePaths[platform] ?? []) {
    if (isSupportedVersion(await readVersion(path))) return path;
  }
  return current;
}

function isSupportedVersion(version: string | null): boolean {
  const [, major, minor] = (/^v(\d+)\.(\d+)\./.exec(version ?? '') ?? []).map(Number);
  if (major === undefined || minor === undefined) return false;
  return major > minNodeVersion[0] || (major === minNodeVersion[0] && minor >= minNodeVersion[1]);
}

/** Whether a version manager of Node owns the path, which can disappear with its next upgrade. */
export function isVersionManagerPath(path: string): boolean {
  return versionManagerPattern.test(path);
}
