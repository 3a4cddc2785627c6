import type { Clock } from '../../src/shared/clock.ts';
import { ProblemError } from '../../src/shared/errors.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { CredentialKind, Installation } from '../../src/sources/credential-kind.ts';
import type { ExchangeFailure, ExchangeOutcome, IamTokenSource } from '../../src/token/ports.ts';

/** An exchange that nobody has answered yet. */
export interface PendingExchange {
  readonly credential: string;
  readonly installation: Installation;
  readonly signal: AbortSignal;
  readonly interactive: boolean;
  /** @param lifeMs of the token; 12 hours unless given */
  succeed(lifeMs?: number): void;
  fail(failure: ExchangeFailure): void;
  /** As a source that has a bug. */
  throw(error: Error): void;
}

/** The service, without a network: a kind of credential whose exchanges a test answers. */
export interface FakeIam {
  readonly kind: CredentialKind;
  openSource(kind: CredentialKind, credential: Secret, installation: Installation): IamTokenSource;
  /** Every exchange that ever began, the newest last. */
  readonly exchanges: readonly PendingExchange[];
  /** What answers each exchange as it begins; `null`: the test does, by hand. */
  respond: ((exchange: PendingExchange) => void) | null;
  /** Whether an aborted exchange ends, as it should; one that hangs does not. */
  obeysAbort: boolean;
}

export const lifeMs = 12 * 60 * 60_000;
export const unavailable: ExchangeFailure = { kind: 'transient', message: 'IAM cannot be reached' };
export const refused: ExchangeFailure = {
  kind: 'terminal',
  message: 'IAM refused the OAuth token',
  hint: 'iam-token login',
};

export function fakeIam(clock: Clock): FakeIam {
  const exchanges: PendingExchange[] = [];
  const kind: CredentialKind = {
    name: 'oauth',
    async accept({ secret = '' }) {
      if (secret !== '') return new Secret(secret);
      throw new ProblemError({ code: 'bad_request', message: 'the OAuth token is empty' });
    },
    open: (credential, installation) => iam.openSource(kind, credential, installation),
    revocationAdvice: () => null,
  };
  const iam: FakeIam = {
    kind,
    exchanges,
    respond: (exchange) => exchange.succeed(),
    obeysAbort: true,
    openSource: (_kind, credential, installation) => ({
      exchange: (signal, interactive) =>
        new Promise<ExchangeOutcome>((resolve, reject) => {
          const number = exchanges.length + 1;
          const exchange: PendingExchange = {
            credential: credential.expose(),
            installation,
            signal,
            interactive,
            succeed: (life = lifeMs) =>
              resolve({
                ok: true,
                exchanged: {
                  token: new Secret(`t1.${credential.expose()}.${number}`),
                  expiresAtMs: clock.now().wallMs + life,
                  subject: `subject-of-${credential.expose()}`,
                },
              }),
            fail: (failure) => resolve({ ok: false, failure }),
            throw: reject,
          };
          const giveUp = (): void => {
            if (iam.obeysAbort)
              exchange.fail({ kind: 'transient', message: 'the request to IAM was given up' });
          };
          signal.addEventListener('abort', giveUp);
          exchanges.push(exchange);
          if (signal.aborted) giveUp();
          iam.respond?.(exchange);
        }),
    }),
  };
  return iam;
}
