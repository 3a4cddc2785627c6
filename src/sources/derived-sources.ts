/** Sources that exchange the IAM tokens of another source. */
import { omitUndefined } from '../shared/omit-undefined.ts';
import type { Secret } from '../shared/secret.ts';
import type { ExchangeOutcome, IamTokenSource, TokenSource } from '../token/token-source.ts';
import type { Installation, SourceTools } from './credential-kind.ts';
import type { AwsKeys } from './exchange/aws-keys.ts';
import { createAwsKeys, createTokenForServiceAccount } from './exchange/iam-api.ts';

/** IAM tokens of a service account that the account of `baseSource` may impersonate. */
export function createImpersonatedSource(
  baseSource: IamTokenSource,
  serviceAccountId: string,
  installation: Installation,
  tools: SourceTools,
): IamTokenSource {
  return createDerivedSource(baseSource, async (token, signal) => {
    const outcome = await createTokenForServiceAccount(token, serviceAccountId, installation, signal, tools);
    if (outcome.ok || outcome.failure.retryOnSchedule !== true) return outcome;
    const hint = `grant this account the role iam.serviceAccounts.tokenCreator for ${serviceAccountId}`;
    return { ok: false, failure: { ...outcome.failure, hint } };
  });
}

/** AWS keys of the account of `baseSource`. */
export function createAwsKeySource(
  baseSource: IamTokenSource,
  installation: Installation,
  tools: SourceTools,
): TokenSource<AwsKeys> {
  return createDerivedSource(baseSource, (token, signal) =>
    createAwsKeys(token, installation, signal, tools),
  );
}

/** Passes on a replacement of the base credential, even if the second exchange fails. */
function createDerivedSource<Value>(
  baseSource: IamTokenSource,
  exchangeBaseToken: (token: Secret, signal: AbortSignal) => Promise<ExchangeOutcome<Value>>,
): TokenSource<Value> {
  return {
    ...omitUndefined({ probe: baseSource.probe?.bind(baseSource) }),
    async exchange(signal, interactive) {
      const baseOutcome = await baseSource.exchange(signal, interactive);
      if (!baseOutcome.ok) return baseOutcome;
      const { issuedToken, replacement } = baseOutcome;
      const outcome = await exchangeBaseToken(issuedToken.value, signal);
      return { ...outcome, ...omitUndefined({ replacement }) };
    },
  };
}
