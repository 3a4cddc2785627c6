import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import type { CredentialStore } from '../../keychain/credential-store.ts';
import { createFileStore } from '../../keychain/file-store.ts';
import { createKeytarStore } from '../../keychain/keytar-store.ts';
import { createMemoryStore } from '../../keychain/memory-store.ts';
import type { Folders } from '../../platform/places.ts';
import type { Clock } from '../../shared/clock.ts';

export function chosenStore(
  { store, file }: Config,
  { state }: Folders,
  uid: number | null,
  clock: Clock,
): CredentialStore {
  switch (store) {
    case 'file': {
      const folder = process.env['CREDENTIALS_DIRECTORY'] ?? null;
      const key = file.kind === 'credential' ? { ...file, folder } : file;
      return createFileStore({ path: join(state, 'store'), key, uid, clock });
    }
    case 'memory':
      return createMemoryStore();
    case 'keychain':
      return createKeytarStore({
        helperPath: join(__dirname, 'keychain-helper.js'),
        clock,
        platform: process.platform,
        environment: process.env,
      });
    default:
      return store satisfies never;
  }
}
