/**
 * All methods, and what is answered to each: the client checks it, and both sides have their types from here. What each
 * may be asked with is in `messages.ts`.
 */
import {
  listOf,
  moment,
  number,
  oneOf,
  orNothing,
  orNull,
  problem,
  type Shape,
  shape,
  text,
  truth,
} from './checks.ts';
import { method } from './token-method.ts';

export { hello, token } from './token-method.ts';

const nothing = shape({});

/** Short-lived keys by which AWS's tools reach Object Storage. */
export const awsCredentials = method(
  'awsCredentials',
  shape({
    accessKeyId: text,
    secretAccessKey: text,
    sessionToken: text,
    expiresAt: moment,
    profile: text,
  }),
);

const renewed = shape({ profile: text, subject: orNull(text), expiresAt: moment });
export const refresh = method('refresh', renewed);
export const login = method('login', renewed);

export const logout = method(
  'logout',
  shape({
    profile: text,
    /** With `revoke`: whether there was a living IAM token, and it is one no longer. */
    tokenRevoked: orNothing(truth),
    /** With `revoke`: what stays valid, and the page or the command to end it. */
    left: orNothing(listOf(shape({ message: text, hint: text }))),
  }),
);

/** What a profile is used for, beside its credential; ids of Yandex Cloud. */
const scope = {
  cloudId: orNothing(text),
  folderId: orNothing(text),
  /** The profile's tokens are those of this service account, as which its credential may act. */
  impersonateServiceAccountId: orNothing(text),
};
export type ProfileScope = Shape<typeof scope>;

const profileStatus = shape({
  profile: text,
  isDefault: truth,
  kind: text,
  endpoint: text,
  ...scope,
  /**
   * `loading`: the store is being read; `ok`: a valid token and nothing wrong; `renewing`: an exchange is under
   * way, for want of a token or after a failure; `failing`: it will be tried again; `login_required`: it will not;
   * the others as the error codes of the same name.
   */
  state: oneOf(
    'loading',
    'ok',
    'renewing',
    'failing',
    'login_required',
    'keychain_locked',
    'keychain_unavailable',
    'locked',
  ),
  subject: orNull(text),
  expiresAt: orNull(moment),
  /** Milliseconds until the token counts as expired at the service; `null` without one. */
  timeLeftMs: orNull(number),
  nextRenewalAt: orNull(moment),
  problem: orNull(problem),
  /** The last failure since the last success. */
  trouble: orNull(shape({ message: text, since: moment, lastAt: moment, count: number })),
  successesInHour: number,
  attemptsInHour: number,
  /** IAM's clock minus the local one; 0 while they agree to within a minute. */
  clockOffsetMs: number,
  /** What a person should know of such a profile, while all is well. */
  notice: orNothing(text),
});

/** Who starts the daemon, and starts it again. */
const manager = shape({
  /** `systemd --user`, `systemd`, `launchd`; newer daemons may name others. */
  kind: text,
  /** What the daemon is called there, such as `iam-tokend.service`. */
  unit: text,
});

/** What the kernel holds others of this machine to; newer daemons may name others. */
const protection = shape({
  /** `own uid`: no other user is let in, but root; `own uid, and guests`: others may ask for tokens; or `not enforced`. */
  peers: text,
  /** `closed` to debuggers of the same user; or `not enforced`. */
  memory: text,
});

const daemonStatus = shape({
  version: text,
  pid: number,
  startedAt: moment,
  /** `lock` was called, and no `unlock` since. */
  locked: orNothing(truth),
  /** `null`: a person started it. Older daemons do not say. */
  manager: orNothing(orNull(manager)),
  /** `host:port` of the metadata address, while it is on. */
  metadataAddress: orNothing(text),
  /** Older daemons do not say. */
  protection: orNothing(protection),
  store: shape({
    kind: text,
    state: oneOf('open', 'closed'),
    problem: orNull(problem),
    /** What `unlock` is to be given: the store's passphrase, or a `new` one that makes the store; absent: none. */
    passphrase: orNothing(oneOf('needed', 'new')),
  }),
});

export const status = method(
  'status',
  shape({
    daemon: daemonStatus,
    profiles: listOf(profileStatus),
    /** Ask again with this as `after` for the rest. */
    next: orNull(text),
  }),
);

export const profiles = method(
  'profiles',
  shape({
    profiles: listOf(shape({ profile: text, isDefault: truth, kind: text, ...scope })),
    next: orNull(text),
  }),
);

export const use = method('use', shape({ profile: text }));
export const subscribe = method('subscribe', nothing);
export const lock = method('lock', shape({ outcome: oneOf('locked', 'was_locked') }));
/** `made`: there is a new store, with this passphrase; `was_open`: nothing was locked. */
export const unlock = method('unlock', shape({ outcome: oneOf('made', 'opened', 'was_open') }));
export const stop = method('stop', nothing);
