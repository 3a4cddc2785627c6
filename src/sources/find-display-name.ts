import { isResourceId } from '../shared/resource-id.ts';
import type { Secret } from '../shared/secret.ts';
import type { AccountCollection, Installation, SourceTools } from './credential-kind.ts';
import { getDisplayName } from './exchange/iam-api.ts';

/** A name is not worth a longer wait: a login waits for it. */
const lookupTimeoutMs = 2_000;

/**
 * What people call the account of an IAM token, by IAM. Takes at most two seconds and never fails.
 * @param collections where the account can be; the first that knows a name decides
 * @returns `null` if IAM does not say, such as without the role to read the account
 */
export async function findDisplayName(
  accountId: string,
  collections: readonly AccountCollection[],
  token: Secret,
  installation: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<string | null> {
  if (!isResourceId(accountId)) return null;
  const lookupSignal = AbortSignal.any([signal, tools.clock.timeoutSignal(lookupTimeoutMs)]);
  for (const collection of collections) {
    if (lookupSignal.aborted) return null;
    const name = await getDisplayName(collection, accountId, token, installation, lookupSignal, tools);
    if (name !== null) return name;
  }
  return null;
}
