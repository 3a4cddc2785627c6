import type { FileDeadline } from '../files/file-deadline.ts';
import type { Clock } from '../shared/clock.ts';
import type { Hint, HintLine } from '../shared/hint.ts';
import { IamTokenError, type Problem } from '../shared/errors.ts';
import { omitUndefined } from '../shared/omit-undefined.ts';
import type { HttpClient } from '../shared/http-client.ts';
import type { ProgramRunner } from '../shared/program-runner.ts';
import type { Secret } from '../shared/secret.ts';
import type { ListedKey } from './exchange/listed-key.ts';
import type { ProbeService } from './exchange/service-probe.ts';
import type { IamTokenSource } from '../token/token-source.ts';

/** An installation of Yandex Cloud. A credential is never sent to another one than its own. */
export interface Installation {
  /** Base URL of the IAM API, without a trailing slash. */
  readonly endpoint: string;
  /** The `aud` claim of JWTs for this installation. */
  readonly audience: string;
}

/** The ports that sources use. */
export interface SourceTools {
  readonly http: HttpClient;
  readonly programs: ProgramRunner;
  readonly clock: Clock;
  readonly probeService: ProbeService;
  readonly fileDeadline: FileDeadline;
  /** How long one exchange may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** The parameters of `login` that describe the credential; PROTOCOL.md lists them for each kind. */
export interface LoginInput {
  readonly secret?: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** A credential that stays valid after `logout`, and how to revoke it: a page or a command. */
export interface RevocationAdvice {
  readonly message: string;
  readonly hint: string;
}

/** Where IAM describes accounts: `GET /iam/v1/COLLECTION/ID`. */
export type AccountCollection = 'serviceAccounts' | 'userAccounts';

/** A key in IAM that is the credential of a profile. */
export interface KeyDescription {
  readonly id: string;
  readonly serviceAccountId: string;
  /** Milliseconds since the epoch; absent if unknown. */
  readonly createdAtMs?: number;
}

export type KeyResult<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly problem: Problem;
      /** IAM answered, and did nothing. */
      readonly isRejected: boolean;
    };

/**
 * How a daemon manages the keys of the account that owns a credential. No method throws for a failure of the network or
 * of IAM; each takes an IAM token of the account.
 */
export interface KeyManagement {
  /** @throws IamTokenError as `CredentialKind.open` does */
  describe(credential: Secret): KeyDescription;
  /**
   * Creates another key for the same account, with the algorithm of this one.
   * @returns it as a credential, as `createCredential` does
   */
  create(credential: Secret, description: string, access: KeyAccess): Promise<KeyResult<Secret>>;
  /** All keys of the account. */
  list(serviceAccountId: string, access: KeyAccess): Promise<KeyResult<readonly ListedKey[]>>;
  find(key: KeyDescription, access: KeyAccess): Promise<KeyResult<ListedKey>>;
  /** Succeeds for a key that does not exist. */
  delete(key: Pick<KeyDescription, 'id' | 'serviceAccountId'>, access: KeyAccess): Promise<KeyResult<null>>;
}

/** With what a key is managed. */
export interface KeyAccess {
  readonly token: Secret;
  readonly installation: Installation;
  readonly signal: AbortSignal;
  readonly tools: SourceTools;
}

/** A kind of credential: one file in `kinds/`, one row in `credential-kinds.ts`. */
export interface CredentialKind {
  readonly name: string;
  /** Where the account of its tokens can be, the likeliest first. */
  readonly accountCollections: readonly AccountCollection[];
  /**
   * Validates the input of `login` without a request to a service.
   * @returns the credential in the form in which it is stored
   * @throws IamTokenError `bad_request`; `forbidden` for a path that the daemon must not use; the message holds no part of the secret
   */
  createCredential(input: LoginInput, installation: Installation, tools: SourceTools): Promise<Secret>;
  /**
   * @param credential from `createCredential`, or the `replacement` of an exchange
   * @throws IamTokenError `login_required` if another release wrote it
   */
  open(credential: Secret, installation: Installation, tools: SourceTools): IamTokenSource;
  /** The default cloud and folder that belong to the credential, as far as they are known. */
  readCloudAndFolder?(
    credential: Secret,
    tools: SourceTools,
    signal: AbortSignal,
  ): Promise<{ readonly cloudId?: string; readonly folderId?: string }>;
  /** A line that `status` shows with every profile of this kind. */
  getNotice?(tools: SourceTools): HintLine;
  /** For a kind whose credentials are keys that IAM creates and deletes. */
  readonly keys?: KeyManagement;
  /** `null` if nothing stays valid after a `logout`. */
  getRevocationAdvice(credential: Secret): RevocationAdvice | null;
}

/** For a path that the daemon uses for no peer. */
export function createForbiddenError(message: string, hint?: Hint): IamTokenError {
  return new IamTokenError({ code: 'forbidden', message, ...omitUndefined({ hint }) });
}

export function createBadRequestError(message: string, hint?: Hint): IamTokenError {
  return new IamTokenError({ code: 'bad_request', message, ...omitUndefined({ hint }) });
}
