/** The oldest Node that the daemon runs on. */
const oldest = [20, 19] as const;
/** Where a Node lies that was installed for the whole system, and lies after its next upgrade. */
const systemNodes: Partial<Readonly<Record<NodeJS.Platform, readonly string[]>>> = {
  linux: ['/usr/bin/node'],
  darwin: ['/opt/homebrew/bin/node', '/usr/local/bin/node'],
};
const versionManager = /[/\\]\.?(?:nvm|volta|fnm|fnm_multishells|asdf|mise|nodenv|nvs|_npx)[/\\]/;

/**
 * Which Node starts the daemon: one of the system's, rather than one that a shell has put in front.
 * @param versionOf what `PROGRAM --version` prints; `null` where it does not run
 */
export async function nodeForService(
  platform: NodeJS.Platform,
  ownPath: string,
  versionOf: (program: string) => Promise<string | null>,
): Promise<string> {
  for (const path of systemNodes[platform] ?? []) {
    if (isNewEnough(await versionOf(path))) return path;
  }
  return ownPath;
}

function isNewEnough(version: string | null): boolean {
  const [, major, minor] = (/^v(\d+)\.(\d+)\./.exec(version ?? '') ?? []).map(Number);
  if (major === undefined || minor === undefined) return false;
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
}

/** Whether it lies in a folder that goes away when a version manager of Node gets the next release. */
export function isOfVersionManager(path: string): boolean {
  return versionManager.test(path);
}
