import type { Method } from '../protocol/messages.ts';

/** How far a peer may go: all methods, those of `guestMethods`, or not even in. */
export type Access = 'all' | 'guest' | 'none';

/** What another user of a system-wide daemon may call. */
export const guestMethods: ReadonlySet<Method> = new Set(['hello', 'token', 'status', 'subscribe']);

/**
 * Root may do all, for it can take any uid.
 * @param peerUid by the kernel's word; `null` where it gave none
 * @param forOthers whether the daemon serves a whole system, and not one person
 */
export function accessOf(peerUid: number | null, ownUid: number, forOthers: boolean): Access {
  if (peerUid === ownUid || peerUid === 0) return 'all';
  return forOthers && peerUid !== null ? 'guest' : 'none';
}
