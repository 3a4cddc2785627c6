import * as v from 'valibot';
import { pathModuleOf } from '../platform/paths.ts';

/** The key of the file store. */
export type StoreKey =
  | { readonly kind: 'passphrase' }
  | { readonly kind: 'key-file'; readonly path: string }
  /** A systemd credential, by its name in the unit. */
  | { readonly kind: 'credential'; readonly name: string };

const storeKeyRule = 'must be { key: passphrase }, { key-file: /PATH } or { credential: NAME }';

/**
 * `file` of `config.yaml`. After `key:`, the setting can also be a mapping or a quoted string (`key: "key-file: /PATH"`),
 * because users write it both ways.
 */
export function createStoreKeySchema(platform: NodeJS.Platform) {
  return v.pipe(
    v.unknown(),
    v.transform((value) => parseStoreKey(value, platform)),
    v.custom<StoreKey>((key) => key !== null, storeKeyRule),
  );
}

function parseStoreKey(value: unknown, platform: NodeJS.Platform): StoreKey | null {
  if (typeof value !== 'object' || value === null) return null;
  const [entry = ['key', 'passphrase'], second] = Object.entries(value);
  if (second !== undefined) return null;
  const [name, setting] = entry;
  if (name !== 'key') return storeKeyOf(name, setting, platform);
  if (typeof setting !== 'string') return parseStoreKey(setting, platform);
  if (setting === 'passphrase') return { kind: 'passphrase' };
  const quotedEntry = /^(?<name>[\w-]+): *(?<setting>.*)$/.exec(setting)?.groups;
  return quotedEntry === undefined ? null : storeKeyOf(quotedEntry['name'], quotedEntry['setting'], platform);
}

function storeKeyOf(name: unknown, setting: unknown, platform: NodeJS.Platform): StoreKey | null {
  if (typeof setting !== 'string') return null;
  if (name === 'key-file' && pathModuleOf(platform).isAbsolute(setting))
    return { kind: 'key-file', path: setting };
  // systemd.exec(5): the name must be a valid file name.
  if (name === 'credential' && /^(?!\.+$)[\w.-]+$/.test(setting))
    return { kind: 'credential', name: setting };
  return null;
}
