import { rmSync } from 'node:fs';
import type { CredentialStore } from '../keychain/credential-store.ts';
import type { Folders } from '../platform/places.ts';
import { CredentialSlots } from './credential-slots.ts';
import { openProfileRegistry } from './profile-registry.ts';

/**
 * Removes whatever a daemon has ever kept, under the locks of one. What the store does not give up now stays on the
 * list of profiles, for another try.
 * @throws as the store does
 */
export async function forgetAll(store: CredentialStore, { config, state, log }: Folders): Promise<void> {
  // The file store goes with its folder, and memory with the process.
  if (store.kind === 'keychain') {
    const registry = openProfileRegistry(config);
    const { profiles, discarded } = registry.current();
    const slots = new CredentialSlots(store, registry, { write: () => undefined });
    const live = Object.values(profiles).map(({ slot }) => slot);
    for (const slot of [...live, ...discarded]) await slots.remove(slot, 'asked');
  }
  await store.close();
  for (const folder of [config, state, log]) rmSync(folder, { recursive: true, force: true });
}
