import type { Secret } from '../shared/secret.ts';
import type { Call } from './command.ts';

/** What a person handed in. */
export interface HandedIn {
  readonly secret?: Secret;
  readonly settings?: Readonly<Record<string, string>>;
}

/** How a kind of credential is handed in: one row of `login-kinds.ts`. */
export interface LoginKind {
  /** Its name on the wire. */
  readonly name: string;
  /** The option that means it. */
  readonly option: string;
  /** The options that mean something with it alone. */
  readonly ownOptions: readonly string[];
  /**
   * Finds what is wrong before the daemon is asked.
   * @throws IamTokenError `bad_request`
   */
  readonly check?: (call: Call) => void;
  /**
   * Called when the daemon is known to be there.
   * @throws IamTokenError `bad_request`, QuietEnd
   */
  readonly read: (call: Call) => HandedIn | Promise<HandedIn>;
  /** Whom the daemon waits for, beside the keychain. */
  readonly waitsFor: string;
  /** Says, after a good login, what the person can do now. */
  readonly afterwards?: (call: Call, storeKind: string) => void;
}
