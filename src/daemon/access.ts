import type { Method } from '../protocol/messages.ts';
import type { Admission } from '../protocol/peer.ts';

/** What another user of a system-wide daemon may call. */
export const guestMethods: ReadonlySet<Method> = new Set(['hello', 'token', 'status', 'subscribe']);

/**
 * Root may do all, for it can take any uid.
 * @param peerUid by the kernel's word; `null` where it gave none
 * @param forOthers whether the daemon serves a whole system, and not one person
 */
export function admission(peerUid: number | null, ownUid: number, forOthers: boolean): Admission {
  if (peerUid === ownUid || peerUid === 0) return { isGuest: false };
  if (forOthers && peerUid !== null) return { isGuest: true };
  return { refused: `it came from another user (uid ${peerUid ?? 'unknown'})` };
}
