import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import type { CredentialStore } from '../../stores/credential-store.ts';
import { createFileStore } from '../../stores/file/file-store.ts';
import { createKeytarStore } from '../../stores/keychain/keytar-store.ts';
import { createMemoryStore } from '../../stores/memory-store.ts';
import type { UserFolders } from '../../platform/paths.ts';
import type { Clock } from '../../shared/clock.ts';

export function createStore(
  { store, file }: Config,
  { state }: UserFolders,
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
