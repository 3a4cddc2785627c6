import { win32 } from 'node:path';
import * as v from 'valibot';

/** What opens the file store. */
export type StoreKey =
  | { readonly kind: 'passphrase' }
  | { readonly kind: 'key-file'; readonly path: string }
  /** By its name in the systemd unit. */
  | { readonly kind: 'credential'; readonly name: string };

const form = 'must be { key: passphrase }, { key-file: /PATH } or { credential: NAME }';

/**
 * `file` of `config.yaml`. Each key may stand after `key:` too, as a map or in quotes (`key: "key-file: /PATH"`): people
 * write it both ways.
 */
export const storeKey = v.pipe(
  v.unknown(),
  v.transform(keyIn),
  v.custom<StoreKey>((found) => found !== null, form),
);

function keyIn(value: unknown): StoreKey | null {
  if (typeof value !== 'object' || value === null) return null;
  const [entry = ['key', 'passphrase'], second] = Object.entries(value);
  if (second !== undefined) return null;
  const [name, given] = entry;
  if (name !== 'key') return keyNamed(name, given);
  if (typeof given !== 'string') return keyIn(given);
  if (given === 'passphrase') return { kind: 'passphrase' };
  const quoted = /^(?<name>[\w-]+): *(?<given>.*)$/.exec(given)?.groups;
  return quoted === undefined ? null : keyNamed(quoted['name'], quoted['given']);
}

function keyNamed(name: unknown, given: unknown): StoreKey | null {
  if (typeof given !== 'string') return null;
  // What is absolute on POSIX is so on Windows too.
  if (name === 'key-file' && win32.isAbsolute(given)) return { kind: 'key-file', path: given };
  // systemd.exec(5): a credential's name is that of a file.
  if (name === 'credential' && /^(?!\.+$)[\w.-]+$/.test(given)) return { kind: 'credential', name: given };
  return null;
}
