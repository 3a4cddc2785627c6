import type { ExchangeOutcome, IamTokenSource } from '../token/ports.ts';
import type { Installation, SourceTools } from './credential-kind.ts';
import { createEphemeralKeys, createTokenForServiceAccount } from './iam-api.ts';

/** Tokens of a service account, by way of the tokens of somebody who may act as it. */
export function impersonating(
  own: IamTokenSource,
  serviceAccountId: string,
  installation: Installation,
  tools: SourceTools,
): IamTokenSource {
  return {
    async exchange(signal, interactive) {
      const first = await own.exchange(signal, interactive);
      if (!first.ok) return first;
      const { exchanged, replacement } = first;
      const outcome = await createTokenForServiceAccount(
        exchanged.token,
        serviceAccountId,
        installation,
        signal,
        tools,
      );
      return {
        ...explained(outcome, serviceAccountId),
        ...(replacement === undefined ? {} : { replacement }),
      };
    },
  };
}

/** Keys of Object Storage, by way of the tokens of the account that they are for. */
export function ephemeralKeys(
  own: IamTokenSource,
  installation: Installation,
  tools: SourceTools,
): IamTokenSource {
  return {
    async exchange(signal, interactive) {
      const first = await own.exchange(signal, interactive);
      if (!first.ok) return first;
      return createEphemeralKeys(first.exchanged.token, installation, signal, tools);
    },
  };
}

/** A missing right has a name here. */
function explained(outcome: ExchangeOutcome, serviceAccountId: string): ExchangeOutcome {
  if (outcome.ok || outcome.failure.mayHeal !== true) return outcome;
  const hint = `have the role iam.serviceAccounts.tokenCreator for ${serviceAccountId} granted to this account`;
  return { ok: false, failure: { ...outcome.failure, hint } };
}
