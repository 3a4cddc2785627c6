import type { Clock } from '../../../src/shared/clock.ts';
import { IamTokenError } from '../../../src/shared/errors.ts';
import { Secret } from '../../../src/shared/secret.ts';
import type { CredentialKind, Installation } from '../../../src/sources/credential-kind.ts';
import type { ExchangeFailure, ExchangeOutcome, IamTokenSource } from '../../../src/token/token-source.ts';

/** An exchange without an outcome yet. */
export interface PendingExchange {
  readonly credential: string;
  readonly installation: Installation;
  readonly signal: AbortSignal;
  readonly interactive: boolean;
  /** @param tokenLifetimeMs of the token; 12 hours unless given */
  succeed(tokenLifetimeMs?: number): void;
  fail(failure: ExchangeFailure): void;
  /** Rejects the exchange, as a source with a bug does. */
  rejectWith(error: Error): void;
}

/** A credential kind whose exchanges are answered by the test, without a network. */
export interface FakeIam {
  readonly kind: CredentialKind;
  openSource(kind: CredentialKind, credential: Secret, installation: Installation): IamTokenSource;
  /** Every exchange, oldest first. */
  readonly exchanges: readonly PendingExchange[];
  /** Answers each exchange at its start; with `null` the test answers each exchange itself. */
  respond: ((exchange: PendingExchange) => void) | null;
  /** Whether an aborted exchange ends; `false` simulates a hanging one. */
  honorsAbort: boolean;
}

export const tokenLifetimeMs = 12 * 60 * 60_000;
export const transientFailure: ExchangeFailure = { kind: 'transient', message: 'cannot reach IAM' };
export const terminalFailure: ExchangeFailure = {
  kind: 'terminal',
  message: 'IAM refused the OAuth token',
  hint: { command: 'login' },
};

export function createFakeIam(clock: Clock): FakeIam {
  const exchanges: PendingExchange[] = [];
  const kind: CredentialKind = {
    name: 'oauth',
    accountCollections: ['userAccounts'],
    async createCredential({ secret = '' }) {
      if (secret !== '') return new Secret(secret);
      throw new IamTokenError({ code: 'bad_request', message: 'the OAuth token is empty' });
    },
    open: (credential, installation) => iam.openSource(kind, credential, installation),
    getRevocationAdvice: () => null,
  };
  const iam: FakeIam = {
    kind,
    exchanges,
    respond: (exchange) => exchange.succeed(),
    honorsAbort: true,
    openSource: (_kind, credential, installation) => ({
      exchange: (signal, interactive) =>
        new Promise<ExchangeOutcome<Secret>>((resolve, reject) => {
          const exchangeNumber = exchanges.length + 1;
          const exchange: PendingExchange = {
            credential: credential.expose(),
            installation,
            signal,
            interactive,
            succeed: (lifetimeMs = tokenLifetimeMs) =>
              resolve({
                ok: true,
                issuedToken: {
                  value: new Secret(`t1.${credential.expose()}.${exchangeNumber}`),
                  expiresAtMs: clock.now().wallMs + lifetimeMs,
                  subject: `subject-of-${credential.expose()}`,
                },
              }),
            fail: (failure) => resolve({ ok: false, failure }),
            rejectWith: reject,
          };
          const failOnAbort = (): void => {
            if (iam.honorsAbort)
              exchange.fail({ kind: 'transient', message: 'the request to IAM was cancelled' });
          };
          signal.addEventListener('abort', failOnAbort);
          exchanges.push(exchange);
          if (signal.aborted) failOnAbort();
          iam.respond?.(exchange);
        }),
    }),
  };
  return iam;
}
