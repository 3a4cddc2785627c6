import { given } from '../shared/given.ts';
import type { Secret } from '../shared/secret.ts';
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
  return byWayOf(own, async (token, signal) => {
    const outcome = await createTokenForServiceAccount(token, serviceAccountId, installation, signal, tools);
    if (outcome.ok || outcome.failure.mayHeal !== true) return outcome;
    // A missing right has a name here.
    const hint = `have the role iam.serviceAccounts.tokenCreator for ${serviceAccountId} granted to this account`;
    return { ok: false, failure: { ...outcome.failure, hint } };
  });
}

/** Keys of Object Storage, by way of the tokens of the account that they are for. */
export function ephemeralKeys(
  own: IamTokenSource,
  installation: Installation,
  tools: SourceTools,
): IamTokenSource {
  return byWayOf(own, (token, signal) => createEphemeralKeys(token, installation, signal, tools));
}

/** What a token of `own` is exchanged for; a replacement for the credential behind that token is kept in any case. */
function byWayOf(
  own: IamTokenSource,
  exchangeFurther: (token: Secret, signal: AbortSignal) => Promise<ExchangeOutcome>,
): IamTokenSource {
  return {
    async exchange(signal, interactive) {
      const first = await own.exchange(signal, interactive);
      if (!first.ok) return first;
      const { exchanged, replacement } = first;
      const outcome = await exchangeFurther(exchanged.token, signal);
      return { ...outcome, ...given({ replacement }) };
    },
  };
}
