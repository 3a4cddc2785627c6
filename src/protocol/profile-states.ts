/**
 * `loading`: reading the store. `ok`: valid token, no problem. `renewing`: an exchange is running, because there is
 * no token or the last one failed. `failing`: the next attempt is scheduled. `login_required`: no attempt is. The
 * others mean the same as the error codes.
 */
export const profileStates = [
  'loading',
  'ok',
  'renewing',
  'failing',
  'login_required',
  'keychain_locked',
  'keychain_unavailable',
  'locked',
] as const;
