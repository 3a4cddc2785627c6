import type { MethodParams, ProfileStatus, ProfileSummary } from '../../protocol/method-types.ts';
import type { Clock } from '../../shared/clock.ts';
import type { ProfileEntry, Registry } from '../profiles/profile-registry.ts';
import { buildProfileStatus, scopeOf } from '../profiles/profile-status.ts';
import type { Profiles } from '../profiles/profiles.ts';

/** A status takes at most 2 KB, so a page fits into a frame. */
const maxPageSize = 20;

interface Page<Row> {
  readonly profiles: readonly Row[];
  /** Pass it as `after` to get the next page; `null` on the last. */
  readonly next: string | null;
}

export type NameSorter = (registry: Registry) => readonly string[];

type BuildRow<Row> = (name: string, entry: ProfileEntry) => Row;

/** Rows of the `status` method. */
export function listStatuses(
  profiles: Profiles,
  params: MethodParams<'status'>,
  clock: Clock,
  sortNames: NameSorter,
): Page<ProfileStatus> {
  return listRows(profiles, params, sortNames, (name, entry) => {
    const isDefault = profiles.registry.default === name;
    const notice = profiles.getNotice(name, entry);
    const hintProfile = profiles.getHintProfile(name);
    const profile = profiles.get(name);
    const keyState = profiles.keys.getState(profile, entry);
    return {
      ...buildProfileStatus(profile, entry, isDefault, notice, keyState, hintProfile, clock),
      ...(params.metrics === true ? { metrics: profile.exchangeCounts.read() } : {}),
    };
  });
}

/** Rows of the `profiles` method. */
export function listSummaries(
  profiles: Profiles,
  params: MethodParams<'profiles'>,
  sortNames: NameSorter,
): Page<ProfileSummary> {
  return listRows(profiles, params, sortNames, (name, entry) => {
    const isDefault = profiles.registry.default === name;
    return { profile: name, isDefault, kind: entry.kind, ...scopeOf(entry) };
  });
}

/** One profile, or the page after a name, sorted by name. */
function listRows<Row>(
  profiles: Profiles,
  { profile, after, limit = maxPageSize }: MethodParams<'profiles'>,
  sortNames: NameSorter,
  buildRow: BuildRow<Row>,
): Page<Row> {
  if (profile !== undefined) {
    const { name } = profiles.get(profile);
    return { profiles: [buildRow(name, profiles.getEntry(name))], next: null };
  }
  const names = sortNames(profiles.registry);
  const start = after === undefined ? 0 : countUpTo(names, after);
  const page = names.slice(start, start + Math.min(limit, maxPageSize));
  const next = start + page.length < names.length ? (page.at(-1) ?? null) : null;
  return { profiles: page.map((name) => buildRow(name, profiles.getEntry(name))), next };
}

/** The names of the profiles, sorted once for all pages: a list is replaced when it changes. */
export function createNameSorter(): NameSorter {
  const sortedNames = new WeakMap<Registry['profiles'], readonly string[]>();
  return ({ profiles }) => {
    const known = sortedNames.get(profiles);
    if (known !== undefined) return known;
    const names = Object.keys(profiles).toSorted();
    sortedNames.set(profiles, names);
    return names;
  };
}

/** How many of the sorted names are not after `name`. */
function countUpTo(names: readonly string[], name: string): number {
  let [start, end] = [0, names.length];
  while (start < end) {
    const middle = (start + end) >> 1;
    if ((names[middle] ?? '') <= name) start = middle + 1;
    else end = middle;
  }
  return start;
}
