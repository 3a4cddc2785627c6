/** The types that follow from the definitions in `methods.ts`. */
import type * as methods from './methods.ts';
import type { Schema, Validated } from './validate.ts';

export type Method = keyof typeof methods;
export type MethodParams<M extends Method> = Validated<(typeof methods)[M]['params']>;
/** Params before encoding, which drops fields that are `undefined`. */
export type CallParams<M extends Method> = {
  readonly [K in keyof MethodParams<M>]:
    | MethodParams<M>[K]
    | (Partial<Pick<MethodParams<M>, K>> extends Pick<MethodParams<M>, K> ? undefined : never);
};
export type MethodResult<M extends Method> = Validated<(typeof methods)[M]['result']>;

export interface MethodDefinition<M extends Method> {
  readonly name: M;
  readonly params: () => Schema;
  readonly result: () => Schema;
}

export type LoginParams = MethodParams<'login'>;
export type LoginResult = MethodResult<'login'>;
export type TokenResult = MethodResult<'token'>;
export type AwsCredentialsResult = MethodResult<'awsCredentials'>;
export type RotateKeyResult = MethodResult<'rotateKey'>;
export type LogoutResult = MethodResult<'logout'>;
export type LockResult = MethodResult<'lock'>;
export type UnlockResult = MethodResult<'unlock'>;
export type DaemonStatus = MethodResult<'status'>['daemon'];
export type ProfileStatus = MethodResult<'status'>['profiles'][number];
export type DaemonMetrics = NonNullable<DaemonStatus['metrics']>;
export type ProfileMetrics = NonNullable<ProfileStatus['metrics']>;
export type ProfileSummary = MethodResult<'profiles'>['profiles'][number];
export type ProfileScope = Pick<ProfileSummary, 'cloudId' | 'folderId' | 'impersonateServiceAccountId'>;
export type ServiceManager = NonNullable<DaemonStatus['manager']>;
export type Protection = NonNullable<DaemonStatus['protection']>;
/** What a peer in a container may call: what returns tokens, or everything; `not enforced` if none is recognized. */
export type ContainerAccess = 'tokens' | 'full' | 'not enforced';
