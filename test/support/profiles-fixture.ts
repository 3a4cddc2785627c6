import { CredentialSlots } from '../../src/daemon/credential-slots.ts';
import {
  openProfileRegistry,
  type ProfileRegistry,
  type Registry,
} from '../../src/daemon/profile-registry.ts';
import type { Profile, Settle } from '../../src/daemon/profile.ts';
import { Profiles, type ProfilesParts } from '../../src/daemon/profiles.ts';
import { ProblemError } from '../../src/shared/errors.ts';
import { type FakeIam, fakeIam } from './fake-iam.ts';
import { type FakeLog, fakeLog } from './fake-log.ts';
import { type FakeStore, fakeStore } from './fake-store.ts';
import { sourceTools } from './source-tools.ts';
import { type TestClock, testClock } from './test-clock.ts';

export const installation = {
  endpoint: 'https://iam.example.net',
  audience: 'https://iam.example.net/iam/v1/tokens',
};

/** Everything that profiles stand on; it outlives them, as disk, keychain and service outlive a daemon. */
export interface World {
  readonly folder: string;
  readonly clock: TestClock;
  readonly store: FakeStore;
  readonly iam: FakeIam;
  readonly log: FakeLog;
  /** `event profile`, in their order. */
  readonly announced: string[];
}

export function world(folder: string): World {
  const clock = testClock();
  return { folder, clock, store: fakeStore(), iam: fakeIam(clock), log: fakeLog(), announced: [] };
}

export interface Running {
  readonly profiles: Profiles;
  readonly registry: ProfileRegistry;
  current(): Registry;
}

/** The profiles of one run of the daemon, not loaded yet. */
export function startProfiles(of: World, parts: Partial<ProfilesParts> = {}): Running {
  const registry = parts.registry ?? openProfileRegistry(of.folder);
  const profiles = new Profiles({
    clock: of.clock,
    log: of.log,
    registry,
    store: of.store,
    slots: new CredentialSlots(of.store, registry, of.log),
    kindOf: (name) => (name === of.iam.kind.name ? of.iam.kind : null),
    tools: sourceTools({ clock: of.clock }),
    defaultInstallation: () => installation,
    nextScheduledAfter: (_profile, afterMs) => afterMs + 60 * 60_000,
    announce: (event, profile) => of.announced.push(`${event} ${profile.name}`),
    ...parts,
  });
  return { profiles, registry, current: () => registry.current() };
}

export function login(
  { profiles }: Running,
  secret: string,
  profile?: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<Profile> {
  return profiles.login({ kind: 'oauth', secret, ...(profile === undefined ? {} : { profile }) }, signal);
}

/** The token, once there is one. @throws ProblemError */
export function tokenOf(profile: Profile): Promise<string> {
  return settled((settle) => profile.token(0, settle));
}

/** As `tokenOf`, by an exchange made now. */
export function refreshed(profile: Profile): Promise<string> {
  return settled((settle) => profile.refresh(settle));
}

function settled(ask: (settle: Settle) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    ask((end) => {
      if (end.kind === 'answer') resolve(end.token.value.expose());
      else reject(new ProblemError(end.problem));
    });
  });
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ProblemError) return error.problem.code;
    throw error;
  }
  return 'ok';
}
