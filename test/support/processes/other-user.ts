import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Not in the user database. */
export const otherUid = 61_235;

/** Whether programs of this checkout can run as another user on this machine. */
export function canRunAsOtherUser(): boolean {
  if (process.getuid?.() !== 0) return false;
  const program = fileURLToPath(new URL('../../../bin/iam-token.js', import.meta.url));
  const options = { uid: otherUid, gid: otherUid };
  return spawnSync(process.execPath, [program, '--version'], options).status === 0;
}
