import { ProblemError, type Problem } from '../shared/errors.ts';

/** What a machine without a keychain has instead. */
const orAnotherStore =
  'start iam-tokend with --store file (a service: "store: file" in config.yaml), which keeps credentials in a file with a passphrase, or --store memory, which forgets them when it ends';

export const keyringLocked: Problem = {
  code: 'keychain_locked',
  message: 'the keyring is locked',
  hint: 'unlock it, as logging in to a desktop session does, or run iam-token unlock to be asked for its password',
};

export const itemLocked: Problem = {
  code: 'keychain_locked',
  message: 'the credential lies in a keyring other than the default one, and that is locked',
  hint: 'unlock all keyrings (in GNOME: Passwords and Keys), or log in anew with iam-token login',
};

export const promptUnanswered: Problem = {
  code: 'keychain_locked',
  message: 'the keyring did not open: nobody answered its prompt in time',
  hint: 'try again and answer the prompt',
};

export const promptDismissed: Problem = {
  code: 'keychain_locked',
  message: 'the keyring did not open: its prompt was dismissed, or there was no screen to show it on',
  hint: `try again in a desktop session and answer the prompt, or ${orAnotherStore}`,
};

export const noSessionBus: Problem = {
  code: 'keychain_unavailable',
  message: 'no D-Bus session bus can be reached, and the keychain is reached through one',
  hint: `start iam-tokend from a desktop session, or ${orAnotherStore}`,
};

export const noService: Problem = {
  code: 'keychain_unavailable',
  message: 'no keychain service runs or can be started on this D-Bus session bus',
  hint: `apt-get install gnome-keyring (or KeePassXC, KWallet), or ${orAnotherStore}`,
};

export const noKeyring: Problem = {
  code: 'keychain_unavailable',
  message: 'no keyring has been created yet',
  hint: `run iam-token login in a desktop session to be asked for its password, or ${orAnotherStore}`,
};

export const serviceSilent: Problem = {
  code: 'keychain_unavailable',
  message: 'the keychain service does not answer',
  hint: `restart it (gnome-keyring-daemon --replace), or ${orAnotherStore}`,
};

export function serviceRefused(reason: string): Problem {
  return {
    code: 'keychain_unavailable',
    message: `the keychain service refused: ${oneLine(reason)}`,
    hint: `try again, or ${orAnotherStore}`,
  };
}

export function libraryMissing(platform: NodeJS.Platform): Problem {
  const remedy = platform === 'linux' ? 'apt-get install libsecret-1-0' : 'install iam-tokend anew';
  return {
    code: 'keychain_unavailable',
    message: 'the keychain library could not be loaded',
    hint: `${remedy}, or ${orAnotherStore}`,
  };
}

export function keychainFailed(reason: string): Problem {
  return {
    code: 'keychain_unavailable',
    message: `the keychain failed: ${oneLine(reason)}`,
    hint: `try again, or ${orAnotherStore}`,
  };
}

export function helperGone(reason: string): Problem {
  return { code: 'keychain_unavailable', message: `the keychain helper ${reason}`, hint: 'try again' };
}

/** The helper itself said nothing in time, so it or the keychain behind it hangs. */
export const helperLate: Problem = {
  code: 'keychain_unavailable',
  message: 'the keychain does not answer',
  hint: `try again, or ${orAnotherStore}`,
};

export const keychainBusy: Problem = {
  code: 'keychain_unavailable',
  message: 'the keychain is busy with another request, which may be waiting for a person',
  hint: 'try again',
};

export const storeClosed: Problem = {
  code: 'keychain_unavailable',
  message: 'the keychain is not used any more: the daemon is stopping',
};

export const lockedMeanwhile: Problem = {
  code: 'locked',
  message: 'the daemon was locked meanwhile',
  hint: 'iam-token unlock',
};

export function takesNoPassphrase(store: string): Problem {
  return {
    code: 'bad_request',
    message: `the ${store} takes no passphrase`,
    hint: 'unlock it without one: iam-token unlock',
  };
}

/** Other programs' words, made fit for a problem's one sentence. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 300);
}

export function problemError(problem: Problem, cause?: unknown): ProblemError {
  return new ProblemError(problem, cause === undefined ? undefined : { cause });
}
