/**
 * Wire protocol, version 1: every message that crosses the socket, defined once for both sides.
 * PROTOCOL.md is its document.
 */
import type { Problem } from '../shared/errors.ts';

export const protocolVersion = 1;
/** The only node-ipc event there is; our own dispatcher looks at `method`. */
export const eventName = 'iam-token';
/** A frame's JSON may have this many bytes, its end mark not counted. */
export const maxFrameBytes = 65_536;
/** Ends each frame: a form feed, as node-ipc has it. */
export const frameEnd = '\f';

/**
 * A profile's name has 1 to 64 characters, none of them a control character, a slash or a backslash. The three names
 * are ones that a parser of foreign objects leaves out.
 */
export const profileNamePattern = /^(?!(?:__proto__|constructor|prototype)$)[^\p{C}/\\]{1,64}$/u;
/** No IAM token lives longer than 12 hours, so no request can ask for more. */
export const minTtlAtMostMs = 12 * 60 * 60_000;

export interface TokenAnswer {
  readonly token: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly expiresAt: string;
  readonly profile: string;
  /** Id of the account that the token speaks for; `null` where it is not known. */
  readonly subject: string | null;
  /** Renewal does not work and will not by itself: what to do before this token ends. */
  readonly warning?: Problem;
  /** IAM's clock minus the local one, by which to read `expiresAt`; absent while they agree to within a minute. */
  readonly clockOffsetMs?: number;
}

export interface RefreshAnswer {
  readonly profile: string;
  readonly subject: string | null;
  readonly expiresAt: string;
}

/** What a profile is used for, beside its credential; ids of Yandex Cloud. */
export interface ProfileScope {
  readonly cloudId?: string;
  readonly folderId?: string;
  /** The profile's tokens are those of this service account, as which its credential may act. */
  readonly impersonateServiceAccountId?: string;
}

export interface LoginParams extends ProfileScope {
  readonly profile?: string;
  /** Name of a credential kind, as `src/sources/kinds.ts` lists them. */
  readonly kind: string;
  /** What proves who somebody is, for kinds that have such; its shape is the kind's own. */
  readonly secret?: string;
  /** What else the kind wants to know; nothing in it is secret. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Base URL of the IAM API; the daemon's configured one unless given. */
  readonly endpoint?: string;
}

export interface LogoutAnswer {
  readonly profile: string;
  /** With `revoke`: whether there was a living IAM token, and it is one no longer. */
  readonly tokenRevoked?: boolean;
  /** With `revoke`: what stays valid, and the page or the command to end it. */
  readonly left?: readonly { readonly message: string; readonly hint: string }[];
}

export interface ProfileStatus extends ProfileScope {
  readonly profile: string;
  readonly isDefault: boolean;
  readonly kind: string;
  readonly endpoint: string;
  /**
   * `loading`: the store is being read; `ok`: a valid token and nothing wrong; `renewing`: an exchange is under
   * way, for want of a token or after a failure; `failing`: it will be tried again; `login_required`: it will not;
   * the others as the error codes of the same name.
   */
  readonly state:
    | 'loading'
    | 'ok'
    | 'renewing'
    | 'failing'
    | 'login_required'
    | 'keychain_locked'
    | 'keychain_unavailable'
    | 'locked';
  readonly subject: string | null;
  readonly expiresAt: string | null;
  /** Milliseconds until the token counts as expired at the service; `null` without one. */
  readonly timeLeftMs: number | null;
  readonly nextRenewalAt: string | null;
  readonly problem: Problem | null;
  /** The last failure since the last success. */
  readonly trouble: {
    readonly message: string;
    readonly since: string;
    readonly lastAt: string;
    readonly count: number;
  } | null;
  readonly successesInHour: number;
  readonly attemptsInHour: number;
  /** IAM's clock minus the local one; 0 while they agree to within a minute. */
  readonly clockOffsetMs: number;
  /** What a person should know of such a profile, while all is well. */
  readonly notice?: string;
}

/** Who starts the daemon, and starts it again. */
export interface ServiceManager {
  /** `systemd --user`, `systemd`, `launchd`; newer daemons may name others. */
  readonly kind: string;
  /** What the daemon is called there, such as `iam-tokend.service`. */
  readonly unit: string;
}

/** What the kernel holds others of this machine to; newer daemons may name others. */
export interface Protection {
  /** `own uid`: no other user is let in, but root; `own uid, and guests`: others may ask for tokens; or `not enforced`. */
  readonly peers: string;
  /** `closed` to debuggers of the same user; or `not enforced`. */
  readonly memory: string;
}

export interface DaemonStatus {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  /** `lock` was called, and no `unlock` since. */
  readonly locked?: boolean;
  /** `null`: a person started it. Older daemons do not say. */
  readonly manager?: ServiceManager | null;
  /** `host:port` of the metadata address, while it is on. */
  readonly metadataAddress?: string;
  /** Older daemons do not say. */
  readonly protection?: Protection;
  readonly store: {
    readonly kind: string;
    readonly state: 'open' | 'closed';
    readonly problem: Problem | null;
    /** What `unlock` is to be given: the store's passphrase, or a `new` one that makes the store; absent: none. */
    readonly passphrase?: 'needed' | 'new';
  };
}

/** Short-lived keys by which AWS's tools reach Object Storage. */
export interface AwsCredentialsAnswer {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly expiresAt: string;
  readonly profile: string;
}

export interface ProfileSummary extends ProfileScope {
  readonly profile: string;
  readonly isDefault: boolean;
  readonly kind: string;
}

export interface LockAnswer {
  readonly outcome: 'locked' | 'was_locked';
}

export interface UnlockAnswer {
  /** `made`: there is a new store, with this passphrase; `was_open`: nothing was locked. */
  readonly outcome: 'made' | 'opened' | 'was_open';
}

/** Each method's parameters and answer. */
export interface Methods {
  readonly hello: {
    /** `nonce` and `proof` belong to a Windows pipe: `challenge.ts`. */
    params: { readonly version?: string; readonly nonce?: string; readonly proof?: string };
    answer: {
      readonly version: string;
      readonly protocol: number;
      readonly nonce?: string;
      readonly proof?: string;
    };
  };
  readonly token: {
    params: {
      readonly profile?: string;
      readonly minTtlMs?: number;
      /** A token of that service account, as which the profile may act: kept and renewed while it is asked for. */
      readonly impersonateServiceAccountId?: string;
    };
    answer: TokenAnswer;
  };
  readonly status: {
    params: { readonly profile?: string; readonly after?: string; readonly limit?: number };
    answer: {
      readonly daemon: DaemonStatus;
      readonly profiles: readonly ProfileStatus[];
      /** Ask again with this as `after` for the rest. */
      readonly next: string | null;
    };
  };
  readonly awsCredentials: {
    params: { readonly profile?: string; readonly minTtlMs?: number };
    answer: AwsCredentialsAnswer;
  };
  readonly refresh: { params: { readonly profile?: string }; answer: RefreshAnswer };
  readonly login: { params: LoginParams; answer: RefreshAnswer };
  readonly logout: {
    params: { readonly profile?: string; readonly revoke?: boolean };
    answer: LogoutAnswer;
  };
  readonly profiles: {
    params: { readonly after?: string; readonly limit?: number };
    answer: { readonly profiles: readonly ProfileSummary[]; readonly next: string | null };
  };
  readonly use: { params: { readonly profile: string }; answer: { readonly profile: string } };
  readonly subscribe: { params: { readonly profile?: string }; answer: Record<string, never> };
  readonly lock: { params: Record<string, never>; answer: LockAnswer };
  readonly unlock: { params: { readonly passphrase?: string }; answer: UnlockAnswer };
  readonly stop: { params: Record<string, never>; answer: Record<string, never> };
}

export type Method = keyof Methods;
export type Params<M extends Method> = Methods[M]['params'];
export type Answer<M extends Method> = Methods[M]['answer'];

export interface RequestMessage {
  readonly v: number;
  readonly id: number;
  readonly method: string;
  readonly params?: unknown;
}

export type AnswerMessage =
  | { readonly v: number; readonly id: number | null; readonly result: unknown }
  | { readonly v: number; readonly id: number | null; readonly error: Problem };

/** Sent after `subscribe`, unasked. */
export interface EventMessage {
  readonly v: number;
  readonly event: 'rotated' | 'failing' | 'login_required' | 'locked';
  readonly params: { readonly profile: string; readonly expiresAt?: string; readonly problem?: Problem };
}
