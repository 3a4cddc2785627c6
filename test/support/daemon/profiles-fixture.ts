import type { CertificateAnchor } from '../../../src/config/certificate-files.ts';
import { CredentialSlots } from '../../../src/daemon/profiles/credential-slots.ts';
import {
  openProfileRegistry,
  type ProfileRegistry,
  type Registry,
} from '../../../src/daemon/profiles/profile-registry.ts';
import type { Profile } from '../../../src/daemon/profiles/profile.ts';
import { Profiles, type ProfilesParts } from '../../../src/daemon/profiles/profiles.ts';
import { IamTokenError, type WireProblem } from '../../../src/shared/errors.ts';
import type { IamToken } from '../../../src/token/token.ts';
import { type FakeIam, createFakeIam } from '../iam/fake-iam.ts';
import { type FakeLog, createFakeLog } from '../fake-log.ts';
import { FakeStore } from '../stores/fake-store.ts';
import { createSourceTools } from '../iam/source-tools.ts';
import { type TestClock, createTestClock } from '../time/test-clock.ts';

export const installation = {
  endpoint: 'https://iam.example.net',
  audience: 'https://iam.example.net/iam/v1/tokens',
};

/** What outlives a daemon: its folder, the store and IAM. */
export interface ProfilesFixture {
  readonly folder: string;
  readonly clock: TestClock;
  readonly store: FakeStore;
  readonly iam: FakeIam;
  readonly log: FakeLog;
  /** Each as `event profile`. */
  readonly announcedEvents: string[];
  /** The certificates that connections trust. */
  anchors: readonly CertificateAnchor[];
}

export function createProfilesFixture(folder: string): ProfilesFixture {
  const clock = createTestClock();
  return {
    folder,
    clock,
    store: new FakeStore(),
    iam: createFakeIam(clock),
    log: createFakeLog(),
    announcedEvents: [],
    anchors: [],
  };
}

export interface RunningProfiles {
  readonly profiles: Profiles;
  readonly registry: ProfileRegistry;
  current(): Registry;
}

/** The profiles of one daemon process, not loaded yet. */
export async function startProfiles(
  fixture: ProfilesFixture,
  overrides: Partial<ProfilesParts> = {},
): Promise<RunningProfiles> {
  const registry =
    overrides.registry ?? (await openProfileRegistry(fixture.folder, process.getuid?.() ?? null));
  const tools = overrides.tools ?? createSourceTools({ clock: fixture.clock });
  const profiles = new Profiles({
    clock: fixture.clock,
    log: fixture.log,
    registry,
    store: fixture.store,
    slots: new CredentialSlots(fixture.store, registry, fixture.log),
    findCredentialKind: (name) => (name === fixture.iam.kind.name ? fixture.iam.kind : null),
    tools,
    trustSource: { read: () => Promise.resolve({ anchors: fixture.anchors, http: tools.http }) },
    getDefaultInstallation: () => installation,
    getNextScheduledMs: (_profile, afterMs) => afterMs + 60 * 60_000,
    announce: (event, profile) => fixture.announcedEvents.push(`${event} ${profile.name}`),
    ...overrides,
  });
  return { profiles, registry, current: () => registry.current };
}

/** What the daemon rejects requests with after `lock`. */
export const daemonLocked: WireProblem = {
  code: 'locked',
  message: 'the daemon is locked',
  hint: 'iam-token unlock',
};

export async function startLoaded(fixture: ProfilesFixture): Promise<RunningProfiles> {
  const running = await startProfiles(fixture);
  await running.profiles.load();
  return running;
}

export async function restart(
  fixture: ProfilesFixture,
  { profiles }: RunningProfiles,
): Promise<RunningProfiles> {
  await profiles.stop();
  return startLoaded(fixture);
}

/** The store's items of a profile: its credential, then its token. */
export function itemKeysOf(running: RunningProfiles, name: string): readonly string[] {
  const { instance, profiles } = running.current();
  const key = `${instance}.${profiles[name]?.slot ?? 'none'}`;
  return [key, `${key}.token`];
}

export function login(
  { profiles }: RunningProfiles,
  secret: string,
  profile?: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<Profile> {
  return profiles
    .login({ kind: 'oauth', secret, ...(profile === undefined ? {} : { profile }) }, signal)
    .then((completed) => completed.profile);
}

/** @throws IamTokenError */
export function requestToken(profile: Profile): Promise<string> {
  return valueOf(profile.requestToken(0, new AbortController().signal));
}

/** As `requestToken`, with a new exchange. */
export function refreshToken(profile: Profile): Promise<string> {
  return valueOf(profile.requestRefresh(new AbortController().signal));
}

async function valueOf(token: Promise<IamToken>): Promise<string> {
  return (await token).value.expose();
}

export async function captureCode(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof IamTokenError) return error.code;
    throw error;
  }
  return 'ok';
}
