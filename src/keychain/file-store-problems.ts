import type { ProblemError } from '../shared/errors.ts';
import { quoted } from '../shared/shell-word.ts';
import { refused } from './guarded-file.ts';
import { type KeyPlace, nameOf } from './key-file.ts';
import { problemError } from './keychain-problems.ts';
import type { SealedFault } from './sealed-file.ts';

/** Why a closed store does not open: someone has to type a passphrase. */
export function locked(message: string, hint = 'iam-token unlock'): ProblemError {
  return problemError({ code: 'locked', message, hint });
}

export function notMadeYet(path: string): ProblemError {
  return locked(
    `there is no file store ${path} yet`,
    'iam-token unlock asks for a new passphrase and makes it',
  );
}

export function wrongPassphrase(path: string): ProblemError {
  return locked(
    `this passphrase does not open the file store ${path}`,
    `try again: iam-token unlock; if it is forgotten, ${startAnew(path)}`,
  );
}

export function takesNoPassphrase(): ProblemError {
  return problemError({
    code: 'bad_request',
    message: 'the file store opens with a key of its own and takes no passphrase',
    hint: 'for a passphrase, set file.key to passphrase in config.yaml',
  });
}

/** @param path of the store */
export function wrongKey(path: string, key: KeyPlace): ProblemError {
  return refused(
    `${nameOf(key)} does not open the file store ${path}`,
    `put back the key that the store was made with, or ${startAnew(path)}`,
  );
}

/** @param path of the store */
export function missingKey(path: string, key: KeyPlace): ProblemError {
  if (key.kind === 'key-file') {
    return refused(
      `${nameOf(key)} is missing, and the file store needs it`,
      `put it back, or ${startAnew(path)}`,
    );
  }
  return refused(
    `the daemon was given no systemd credential ${key.name}`,
    `add LoadCredential=${key.name}:PATH to the unit: systemctl edit iam-tokend (systemctl --user for one of your own)`,
  );
}

/** @param made what the store at `path` was made with, against the configuration */
export function otherKind(path: string, made: 'passphrase' | 'key'): ProblemError {
  return made === 'passphrase'
    ? refused(
        `the file store ${path} was made with a passphrase, and file.key names another key`,
        `set file.key to passphrase in config.yaml, or ${startAnew(path)}`,
      )
    : refused(
        `the file store ${path} was made with a key file or a systemd credential, and file.key is passphrase`,
        `name that key as file.key in config.yaml, or ${startAnew(path)}`,
      );
}

export function unreadable(path: string, fault: SealedFault): ProblemError {
  const [is, hint] = {
    foreign: ['is no store of iam-tokend', startAnew(path)] as const,
    damaged: ['is cut or was changed', `put a copy back, or ${startAnew(path)}`] as const,
    newer: ['was written by a newer iam-tokend', 'upgrade this one, as that one was'] as const,
    costly: [
      'asks for more work than a passphrase may take, and iam-tokend did not write it so',
      `put a copy back, or ${startAnew(path)}`,
    ] as const,
  }[fault];
  return refused(`the file store ${path} ${is}`, hint);
}

export function diskSilent(path: string, cause: unknown): ProblemError {
  return refused(
    `the disk with the file store ${path} does not answer`,
    `see how it is: df ${quoted(path)}`,
    cause,
  );
}

function startAnew(path: string): string {
  return `move it away and log in anew: mv ${quoted(path)} ${quoted(`${path}.old`)} && iam-token login`;
}
