import type { ProfileEntry, Registry } from './profile-registry.ts';

/** The profile's live slot becomes that of `entry`; what was live is to be removed. */
export function withSlot(before: Registry, name: string, entry: ProfileEntry): Registry {
  const old = before.profiles[name]?.slot;
  const discarded = before.discarded.filter((slot) => slot !== entry.slot);
  return {
    ...before,
    default: before.default ?? name,
    profiles: { ...before.profiles, [name]: entry },
    discarded: old === undefined ? discarded : [...discarded, old],
  };
}

/** What it had in the store is to be removed. */
export function withoutProfile(before: Registry, name: string): Registry {
  const { [name]: gone, ...profiles } = before.profiles;
  return {
    ...before,
    default: before.default === name ? null : before.default,
    profiles,
    discarded: gone === undefined ? before.discarded : [...before.discarded, gone.slot],
  };
}
