import type { Clock } from '../shared/clock.ts';
import type { Secret } from '../shared/secret.ts';
import type { IamTokenSource } from '../token/ports.ts';
import type { HttpClient } from '../shared/http-client.ts';

/** The installation of Yandex Cloud that a credential belongs to; it is never sent to another. */
export interface Installation {
  /** Base URL of the IAM API, without a slash at its end. */
  readonly endpoint: string;
  /** What a JWT for that installation has as `aud`. */
  readonly audience: string;
}

/** What every kind needs to reach its service. */
export interface SourceTools {
  readonly http: HttpClient;
  readonly clock: Clock;
  /** How long one exchange may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** A kind of credential: one file in this folder, one row in `kinds.ts`. */
export interface CredentialKind {
  readonly name: string;
  /**
   * Checks what `login` was given, before anything is asked, and returns what is to be kept.
   * @throws ProblemError `bad_request`; its message holds no part of the secret
   */
  accept(secret: string): Secret;
  open(credential: Secret, installation: Installation, tools: SourceTools): IamTokenSource;
}
