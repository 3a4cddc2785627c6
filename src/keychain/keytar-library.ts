import { ProblemError } from '../shared/errors.ts';
import { libraryMissing } from './keychain-problems.ts';

/**
 * All of keytar that is used. Its search functions are left out on purpose: on Linux one crashes the process at an
 * item without a secret (`strdup(NULL)` in keytar_posix.cc, 7.10.6), on Windows they find other programs' items too.
 */
export interface Keytar {
  getPassword(service: string, account: string): Promise<string | null>;
  setPassword(service: string, account: string, value: string): Promise<void>;
  deletePassword(service: string, account: string): Promise<boolean>;
}

/** keytar failed in a way that is likely to last as long as this process does. */
export class KeytarFailure extends ProblemError {
  override readonly name = 'KeytarFailure';
}

/**
 * For the helper process alone: a stuck call of keytar's holds a thread of the pool for up to 50 s.
 * @throws KeytarFailure when its native part does not load, as without libsecret
 */
export async function loadKeytar(platform: NodeJS.Platform): Promise<Keytar> {
  try {
    return (await import('keytar')).default;
  } catch (cause) {
    throw new KeytarFailure(libraryMissing(platform), { cause });
  }
}
