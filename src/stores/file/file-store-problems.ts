import { moveAwayCommand } from '../../files/file-errors.ts';
import { IamTokenError } from '../../shared/errors.ts';
import type { Hint, HintLine } from '../../shared/hint.ts';
import { quotePosixWord } from '../../shared/shell-quoting.ts';
import { describeKey, type KeyLocation } from './key-file.ts';
import type { SealedFileDefect } from './sealed-file.ts';

/** The store opens only with a passphrase. */
export function storeLocked(message: string, hint: Hint = { command: 'unlock' }): IamTokenError {
  return new IamTokenError({ code: 'locked', message, hint });
}

export function storeNotCreated(path: string): IamTokenError {
  const hint = { text: 'choose its passphrase', command: 'unlock' } as const;
  return storeLocked(`the file store ${path} does not exist yet`, hint);
}

export function wrongPassphrase(path: string): IamTokenError {
  return storeLocked(`wrong passphrase for the file store ${path}`, [
    { text: 'try again', command: 'unlock' },
    ...newStoreHint(path, 'if the passphrase is lost, '),
  ]);
}

export function passphraseNotConfigured(): IamTokenError {
  return new IamTokenError({
    code: 'bad_request',
    message: 'the file store opens with its own key and takes no passphrase',
    hint: 'to use a passphrase, set "file: { key: passphrase }" in config.yaml',
  });
}

/** @param path of the store */
export function wrongKey(path: string, location: KeyLocation): IamTokenError {
  return unavailable(`${describeKey(location)} does not open the file store ${path}`, [
    'restore the key that the store was created with',
    ...newStoreHint(path, 'if it is lost, '),
  ]);
}

/** @param path of the store */
export function missingKey(path: string, location: KeyLocation): IamTokenError {
  if (location.kind === 'key-file') {
    const message = `${describeKey(location)} does not exist, and the file store ${path} needs it`;
    return unavailable(message, ['restore it', ...newStoreHint(path, 'if it is lost, ')]);
  }
  const { name } = location;
  return unavailable(`the daemon has no systemd credential ${name}`, [
    `add LoadCredential=${name}:PATH to the unit: systemctl --user edit iam-tokend`,
    'for a system-wide daemon: systemctl edit iam-tokend',
  ]);
}

/** @param storedKind the kind of key that the store at `path` was created with */
export function keyKindMismatch(path: string, storedKind: 'passphrase' | 'key'): IamTokenError {
  return storedKind === 'passphrase'
    ? unavailable(`the file store ${path} was created with a passphrase, but config.yaml names a key`, [
        'set "file: { key: passphrase }" in config.yaml',
        ...newStoreHint(path, 'or '),
      ])
    : unavailable(`the file store ${path} was created with a key, but config.yaml names none`, [
        'set "file: { key-file: PATH }" or "file: { credential: NAME }" in config.yaml',
        ...newStoreHint(path, 'or '),
      ]);
}

export function invalidStoreFile(path: string, defect: SealedFileDefect): IamTokenError {
  const restoreHint = ['restore it from a backup', ...newStoreHint(path, 'or ')];
  const [description, hint] = {
    foreign: ['is not a file store of iam-tokend', newStoreHint(path)] as const,
    damaged: ['is damaged', restoreHint] as const,
    newer: [
      'was written by a newer iam-tokend',
      'upgrade: npm install --global iam-tokend && iam-token install',
    ] as const,
    costly: ['has scrypt parameters outside the limits of iam-tokend', restoreHint] as const,
  }[defect];
  return unavailable(`the file store ${path} ${description}`, hint);
}

export function storeTooLarge(path: string, bytes: number, maxBytes: number): IamTokenError {
  return unavailable(
    `the file store ${path} is full (${bytes} bytes; the limit is ${maxBytes})`,
    'remove an unused profile: iam-token logout --profile NAME',
  );
}

export function diskNotResponding(path: string, cause: unknown): IamTokenError {
  const message = `the disk of the file store ${path} does not respond`;
  return unavailable(message, `df ${quotePosixWord(path)}`, cause);
}

/** @param condition leads to the first line */
function newStoreHint(path: string, condition = ''): readonly HintLine[] {
  return [`${condition}start a new store: ${moveAwayCommand(path)}`, { text: 'then', command: 'login' }];
}

function unavailable(message: string, hint: Hint, cause?: unknown): IamTokenError {
  return new IamTokenError({ code: 'keychain_unavailable', message, hint }, { cause });
}
