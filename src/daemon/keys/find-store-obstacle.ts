import type { CredentialStore, StoreState } from '../../stores/credential-store.ts';
import type { Problem } from '../../shared/errors.ts';

const otherStoreHint =
  'use an encrypted file (for the service, with "store: file" in config.yaml): iam-tokend --store file';

/**
 * Why no key may be replaced with this store; `null` if one may. The new key must be stored without a user, and outlive the
 * daemon, before the old one is deleted.
 */
export function findStoreObstacle(kind: CredentialStore['kind'], state: StoreState): Problem | null {
  if (kind === 'memory') {
    return {
      code: 'bad_request',
      message:
        'a key is not replaced with the memory store, which would lose the new key when the daemon stops',
      hint: otherStoreHint,
    };
  }
  if (state.kind === 'closed') return state.problem;
  if (state.confirmation === undefined) return null;
  const { code, message } = state.confirmation;
  return { code, message: `a key is not replaced: ${message}`, hint: otherStoreHint };
}
