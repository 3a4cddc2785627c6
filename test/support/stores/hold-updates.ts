import type { ProfileRegistry } from '../../../src/daemon/profiles/profile-registry.ts';

export interface HeldUpdates {
  /** How many were requested. */
  readonly count: number;
  /** Applies them in the order in which they were requested, and each further one at once. */
  release(): void;
}

/** From now on, the updates of `profiles.json` wait, as on a slow disk. */
export function holdUpdates(registry: ProfileRegistry): HeldUpdates {
  const inner = { ...registry };
  let count = 0;
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  registry.update = async (updater) => {
    count += 1;
    await released;
    return inner.update(updater);
  };
  return {
    get count() {
      return count;
    },
    release: () => release(),
  };
}
