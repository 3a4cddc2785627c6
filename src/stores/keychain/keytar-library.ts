import { IamTokenError } from '../../shared/errors.ts';
import { libraryLoadFailed } from './keychain-problems.ts';

/**
 * The part of keytar that is used. Its search functions are excluded: on Linux, one crashes the process at an item without
 * a secret (`strdup(NULL)` in keytar_posix.cc, 7.10.6); on Windows, they also find the items of other programs.
 */
export interface Keytar {
  getPassword(service: string, account: string): Promise<string | null>;
  setPassword(service: string, account: string, value: string): Promise<void>;
  deletePassword(service: string, account: string): Promise<boolean>;
}

/** A failure of keytar that is likely to persist in this process. */
export class KeytarError extends IamTokenError {
  override readonly name = 'KeytarError';
}

/**
 * Only for the helper process: a call that hangs occupies a thread of libuv's pool for up to 50 s.
 * @throws KeytarError when its native part does not load, such as without libsecret
 */
export async function loadKeytar(platform: NodeJS.Platform): Promise<Keytar> {
  try {
    return (await import('keytar')).default;
  } catch (cause) {
    throw new KeytarError(libraryLoadFailed(platform), { cause });
  }
}
