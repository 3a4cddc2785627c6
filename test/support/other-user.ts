import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** In nobody's user database. */
export const otherUid = 61_235;

/** Whether programs of this checkout can be run as another user here. */
export function canBeOther(): boolean {
  if (process.getuid?.() !== 0) return false;
  const program = fileURLToPath(new URL('../../bin/iam-token.js', import.meta.url));
  const options = { uid: otherUid, gid: otherUid };
  return spawnSync(process.execPath, [program, '--version'], options).status === 0;
}
