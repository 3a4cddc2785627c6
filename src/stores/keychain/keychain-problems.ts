import type { Problem } from '../../shared/errors.ts';

/** The alternatives on a machine without a keychain. */
const otherStoreHints = [
  'or use an encrypted file (for the service, with "store: file" in config.yaml): iam-tokend --store file',
  'or keep credentials only in memory: iam-tokend --store memory',
] as const;

const sudo = process.getuid?.() === 0 ? '' : 'sudo ';

export const keyringLocked: Problem = {
  code: 'keychain_locked',
  message: 'the keyring is locked',
  hint: { text: 'unlock it', command: 'unlock' },
};

/** @param label of a keyring that is not the default one */
export function namedKeyringLocked(label: string): Problem {
  return {
    code: 'keychain_locked',
    message: `the keyring "${toSingleLine(label)}", which holds the credential, is locked`,
    hint: { text: 'unlock it', command: 'unlock' },
  };
}

/** @param labels of the keyrings in which the keychain service cannot search */
export function possibleKeyringsLocked(labels: readonly string[]): Problem {
  const names = labels.map((label) => `"${toSingleLine(label)}"`).join(', ');
  return {
    code: 'keychain_locked',
    message: `the credential may be in a locked keyring: ${names}`,
    hint: { text: 'unlock it', command: 'unlock' },
  };
}

/** An item that is locked although its keyring is open. @param service such as `KeePassXC` */
export function itemNeedsConfirmation(service: string): Problem {
  return {
    code: 'keychain_locked',
    message: `this item needs your confirmation in ${service}`,
    hint: [{ text: 'confirm it', command: 'unlock' }, ...settingHintsOf(service)],
  };
}

/** @param service as above */
export function writeNeedsConfirmation(service: string): Problem {
  return {
    code: 'keychain_locked',
    message: `${service} may ask you before each change, so nothing is written to it in the background`,
    hint: [
      { text: 'to write pending changes, now or after a restart', command: 'unlock' },
      ...settingHintsOf(service),
    ],
  };
}

function settingHintsOf(service: string): readonly string[] {
  if (service !== 'KeePassXC') return [];
  return [
    'to read without a confirmation, in KeePassXC: Settings, Secret Service Integration, "Confirm when passwords are retrieved by clients"',
  ];
}

export const promptTimedOut: Problem = {
  code: 'keychain_locked',
  message: 'the keyring is still locked: its prompt was not answered in time',
  hint: 'try again and answer the prompt',
};

export const promptDismissed: Problem = {
  code: 'keychain_locked',
  message: 'the keyring is still locked: its prompt was dismissed or could not be shown',
  hint: ['try again in a desktop session and answer the prompt', ...otherStoreHints],
};

export const noSessionBus: Problem = {
  code: 'keychain_unavailable',
  message: 'no D-Bus session bus can be reached; the keychain requires one',
  hint: ['start iam-tokend from a desktop session', ...otherStoreHints],
};

export const noKeychainService: Problem = {
  code: 'keychain_unavailable',
  message: 'no keychain service is running on the D-Bus session bus',
  hint: [`${sudo}apt-get install gnome-keyring`, ...otherStoreHints],
};

export const noKeyring: Problem = {
  code: 'keychain_unavailable',
  message: 'no keyring has been created yet',
  hint: [{ text: 'create one in a desktop session', command: 'login' }, ...otherStoreHints],
};

/** The alias names a collection, but the object in which items are created does not exist. */
export const noDefaultCollection: Problem = {
  code: 'keychain_unavailable',
  message: 'the keychain service has no default keyring to create items in',
  hint: [{ text: 'create one in a desktop session', command: 'login' }, ...otherStoreHints],
};

export const serviceNotResponding: Problem = {
  code: 'keychain_unavailable',
  message: 'the keychain service does not respond',
  hint: ['restart it: gnome-keyring-daemon --replace', ...otherStoreHints],
};

export function serviceFailed(reason: string): Problem {
  return {
    code: 'keychain_unavailable',
    message: `the keychain service failed: ${toSingleLine(reason)}`,
    hint: ['try again', ...otherStoreHints],
  };
}

export function libraryLoadFailed(platform: NodeJS.Platform): Problem {
  const command =
    platform === 'linux' ? `${sudo}apt-get install libsecret-1-0` : 'npm install --global iam-tokend';
  return {
    code: 'keychain_unavailable',
    message: 'cannot load the keychain library',
    hint: [command, ...otherStoreHints],
  };
}

export function keychainFailed(reason: string): Problem {
  return {
    code: 'keychain_unavailable',
    message: `the keychain failed: ${toSingleLine(reason)}`,
    hint: ['try again', ...otherStoreHints],
  };
}

/** @param reason completes "the keychain helper …" */
export function helperFailed(reason: string): Problem {
  return { code: 'keychain_unavailable', message: `the keychain helper ${reason}`, hint: 'try again' };
}

/** The helper did not respond in time: it, or the keychain behind it, hangs. */
export const helperTimedOut: Problem = {
  code: 'keychain_unavailable',
  message: 'the keychain does not respond',
  hint: ['try again', ...otherStoreHints],
};

export const keychainBusy: Problem = {
  code: 'keychain_unavailable',
  message: 'the keychain is busy with another call, which may be waiting for its prompt',
  hint: 'answer the prompt, if there is one, and try again',
};

export const storeClosed: Problem = {
  code: 'keychain_unavailable',
  message: 'the keychain is closed: the daemon is stopping',
};

export const lockedDuringCall: Problem = {
  code: 'locked',
  message: 'the daemon was locked during the call',
  hint: { command: 'unlock' },
};

export function passphraseNotSupported(store: string): Problem {
  return {
    code: 'bad_request',
    message: `the ${store} takes no passphrase`,
    hint: { text: 'unlock it without one', command: 'unlock' },
  };
}

/** Fits the message of another program into a problem's one sentence. */
function toSingleLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 300);
}
