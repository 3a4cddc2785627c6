/**
 * Wire protocol, version 1: every message that crosses the socket, defined once for both sides.
 * PROTOCOL.md is its document.
 */
import type { Problem } from '../shared/errors.ts';
import { type Checked, moment, number, oneOf, orNothing, problem, shape, text } from './checks.ts';
import type * as methods from './methods.ts';

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

/** What each method may be asked with. */
interface AllParams {
  readonly hello: {
    readonly version?: string;
    /** This and `proof` belong to a Windows pipe: `challenge.ts`. */
    readonly nonce?: string;
    readonly proof?: string;
  };
  readonly token: {
    readonly profile?: string;
    readonly minTtlMs?: number;
    /** A token of that service account, as which the profile may act: kept and renewed while it is asked for. */
    readonly impersonateServiceAccountId?: string;
  };
  readonly status: { readonly profile?: string; readonly after?: string; readonly limit?: number };
  readonly awsCredentials: { readonly profile?: string; readonly minTtlMs?: number };
  readonly refresh: { readonly profile?: string };
  readonly login: LoginParams;
  readonly logout: { readonly profile?: string; readonly revoke?: boolean };
  readonly profiles: { readonly profile?: string; readonly after?: string; readonly limit?: number };
  readonly use: { readonly profile: string };
  readonly subscribe: { readonly profile?: string };
  readonly lock: Record<string, never>;
  readonly unlock: { readonly passphrase?: string };
  readonly stop: Record<string, never>;
}

export type Method = keyof typeof methods;
export type Params<M extends Method> = AllParams[M];
export type Answer<M extends Method> = Checked<(typeof methods)[M]['check']>;

export type TokenAnswer = Answer<'token'>;
export type AwsCredentialsAnswer = Answer<'awsCredentials'>;
export type LogoutAnswer = Answer<'logout'>;
export type LockAnswer = Answer<'lock'>;
export type UnlockAnswer = Answer<'unlock'>;
export type ProfileScope = methods.ProfileScope;
export type ProfileStatus = Answer<'status'>['profiles'][number];
export type ProfileSummary = Answer<'profiles'>['profiles'][number];
export type DaemonStatus = Answer<'status'>['daemon'];
export type ServiceManager = NonNullable<DaemonStatus['manager']>;
export type Protection = NonNullable<DaemonStatus['protection']>;

export interface RequestMessage {
  readonly v: number;
  readonly id: number;
  readonly method: string;
  readonly params?: unknown;
}

export type AnswerMessage =
  | { readonly v: number; readonly id: number | null; readonly result: unknown }
  | { readonly v: number; readonly id: number | null; readonly error: Problem };

export const eventNames = ['rotated', 'failing', 'login_required', 'locked'] as const;

/** Sent after `subscribe`, unasked. A newer daemon may send others, which are passed over. */
export const eventMessage = shape({
  v: number,
  event: oneOf(...eventNames),
  params: shape({ profile: text, expiresAt: orNothing(moment), problem: orNothing(problem) }),
});
export type EventMessage = Checked<typeof eventMessage>;
