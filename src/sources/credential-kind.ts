import type { Clock } from '../shared/clock.ts';
import { ProblemError } from '../shared/errors.ts';
import { given } from '../shared/given.ts';
import type { HttpClient } from '../shared/http-client.ts';
import type { Programs } from '../shared/programs.ts';
import type { Secret } from '../shared/secret.ts';
import type { IamTokenSource } from '../token/ports.ts';

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
  readonly programs: Programs;
  readonly clock: Clock;
  /** How long one exchange may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** What a person hands in at `login`; which of it a kind needs, PROTOCOL.md says. */
export interface Handed {
  readonly secret?: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** What stays valid when a profile is gone, and what a person can do about it: a page or a command. */
export interface Advice {
  readonly message: string;
  readonly hint: string;
}

/** A kind of credential: one file in this folder, one row in `kinds.ts`. */
export interface CredentialKind {
  readonly name: string;
  /**
   * Checks what `login` was given, before anything is asked, and resolves with what is to be kept.
   * @throws ProblemError `bad_request`; its message holds no part of the secret
   */
  accept(handed: Handed, installation: Installation, tools: SourceTools): Promise<Secret>;
  /** @param credential as `accept` or a `replacement` gave it */
  open(credential: Secret, installation: Installation, tools: SourceTools): IamTokenSource;
  /** The cloud and the folder that whoever made the credential works in, where that is known. */
  cloudAndFolder?(
    credential: Secret,
    tools: SourceTools,
    signal: AbortSignal,
  ): Promise<{ readonly cloudId?: string; readonly folderId?: string }>;
  /** What every `status` says of such a profile, while all is well. */
  notice?(tools: SourceTools): string;
  /** What a `logout` cannot revoke; `null` where nothing is left. */
  revocationAdvice(credential: Secret): Advice | null;
}

/** What `accept` throws. */
export function refusal(message: string, hint?: string): ProblemError {
  return new ProblemError({ code: 'bad_request', message, ...given({ hint }) });
}
