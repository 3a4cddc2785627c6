import { isProfileName } from '../protocol/limits.ts';

interface NamedProfiles<Entry> {
  readonly default: string | null;
  readonly profiles: Readonly<Record<string, Entry>>;
}

/** For a name that consists of blanks. */
const defaultName = 'profile';
const maxBaseLength = 58;

/**
 * Drops the blanks around names of profiles. Version 0.1.0 accepted them; requests cannot have them, so that no command
 * could name such a profile. Profiles whose name is taken or empty then get a number.
 * @returns `renamed`: the new names by the old ones
 */
export function trimProfileNames<Entry, Registry extends NamedProfiles<Entry>>(
  registry: Registry,
): { readonly registry: Registry; readonly renamed: ReadonlyMap<string, string> } {
  const names = Object.keys(registry.profiles);
  const taken = new Set(names.filter((name) => name.trim() === name));
  const renamed = new Map<string, string>();
  for (const name of names.filter((each) => !taken.has(each))) {
    const newName = findFreeName(name.trim(), taken);
    taken.add(newName);
    renamed.set(name, newName);
  }
  if (renamed.size === 0) return { registry, renamed };
  const newNameOf = (name: string): string => renamed.get(name) ?? name;
  const entries = Object.entries(registry.profiles).map(([name, entry]) => [newNameOf(name), entry] as const);
  const profiles = Object.fromEntries(entries);
  const defaultProfile = registry.default === null ? null : newNameOf(registry.default);
  return { registry: { ...registry, default: defaultProfile, profiles }, renamed };
}

function findFreeName(name: string, taken: ReadonlySet<string>): string {
  const wanted = isProfileName(name) ? name : defaultName;
  if (!taken.has(wanted)) return wanted;
  const base = Array.from(wanted).slice(0, maxBaseLength).join('');
  for (let number = 2; ; number += 1) {
    const numbered = `${base}-${number}`;
    if (!taken.has(numbered)) return numbered;
  }
}
