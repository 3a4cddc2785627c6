import assert from 'node:assert/strict';
import { openProfileRegistry, type ProfileRegistry } from '../../../src/daemon/profiles/profile-registry.ts';
import type { Profile } from '../../../src/daemon/profiles/profile.ts';
import type { ProfilesParts } from '../../../src/daemon/profiles/profiles.ts';
import { CredentialSlots } from '../../../src/daemon/profiles/credential-slots.ts';
import { IamTokenError } from '../../../src/shared/errors.ts';
import type { HttpClient, HttpRequest } from '../../../src/shared/http-client.ts';
import { findCredentialKind } from '../../../src/sources/credential-kinds.ts';
import type { CredentialStore } from '../../../src/stores/credential-store.ts';
import { type Emulator, startEmulator } from '../../emulator/emulator.ts';
import { formatKeyFile, getTestKey, type TestKey } from '../iam/test-keys.ts';
import { createSourceTools } from '../iam/source-tools.ts';
import { createDirectHttpClient } from '../network/http-client-fixture.ts';
import {
  createProfilesFixture,
  type ProfilesFixture,
  refreshToken,
  type RunningProfiles,
  startProfiles,
} from './profiles-fixture.ts';

const neverAborted = new AbortController().signal;
export const dayMs = 86_400_000;
export const key: TestKey = getTestKey();
export const account = key.serviceAccountId;

/** Each step that a daemon takes outside of its process. After the given number of them, the daemon is dead. */
export class ProcessSteps {
  #remaining = Infinity;

  /** @param count of steps from now on; each has two parts, before it and after it */
  dieAfter(count: number): void {
    this.#remaining = count;
  }

  get isDead(): boolean {
    return this.#remaining <= 0;
  }

  /** A dead daemon takes no further step, and sees no result. */
  async take<T>(step: () => Promise<T>): Promise<T> {
    if (this.isDead) return new Promise<never>(() => undefined);
    this.#remaining -= 1;
    if (this.isDead) return new Promise<never>(() => undefined);
    const result = await step();
    this.#remaining -= 1;
    return this.isDead ? new Promise<never>(() => undefined) : result;
  }
}

/** Daemons with an authorized key, one after another, in front of an emulated IAM on the clock of the test. */
export class KeyFixture {
  readonly base: ProfilesFixture;
  readonly emulator: Emulator;
  rotateAfterMs: number | null = null;
  /** Called before each request of a daemon. */
  beforeSend: (request: HttpRequest) => void = () => undefined;

  private constructor(base: ProfilesFixture, emulator: Emulator) {
    this.base = base;
    this.emulator = emulator;
  }

  static async start(folder: string): Promise<KeyFixture> {
    const base = createProfilesFixture(folder);
    base.store.kind = 'keychain';
    const emulator = await startEmulator({ clock: base.clock });
    // All keys of the account have one pair, as it takes a tenth of a second to generate another.
    emulator.keys.generateKeyPair = () => key;
    emulator.allowKey(key);
    emulator.keys.grant(account, account);
    return new KeyFixture(base, emulator);
  }

  /** Starts a daemon, which is not loaded yet. */
  async startDaemon(
    steps = new ProcessSteps(),
    overrides: Partial<ProfilesParts> = {},
  ): Promise<RunningProfiles> {
    const inner = await openProfileRegistry(this.base.folder, process.getuid?.() ?? null);
    const registry: ProfileRegistry = {
      get current() {
        return inner.current;
      },
      update: (updater) => steps.take(() => inner.update(updater)),
    };
    const store = withSteps(this.base.store, steps);
    const direct = createDirectHttpClient();
    const http: HttpClient = {
      send: (request, signal) => {
        this.beforeSend(request);
        return steps.take(() => direct.send(request, signal));
      },
    };
    const { emulator, base } = this;
    return startProfiles(base, {
      registry,
      store,
      slots: new CredentialSlots(store, registry, base.log),
      findCredentialKind,
      tools: createSourceTools({ clock: base.clock, http }),
      getDefaultInstallation: () => ({
        endpoint: emulator.url,
        audience: `${emulator.url}/iam/v1/tokens`,
      }),
      getRotateAfterMs: () => this.rotateAfterMs,
      ...overrides,
    });
  }

  async startLoaded(steps?: ProcessSteps): Promise<RunningProfiles> {
    const running = await this.startDaemon(steps);
    await running.profiles.load();
    return running;
  }

  /** Logs in with a key file. */
  async login({ profiles }: RunningProfiles, profile?: string, keyFile = formatKeyFile()): Promise<Profile> {
    const params = { kind: 'service-account-key', secret: keyFile };
    const completed = await profiles.login(
      profile === undefined ? params : { ...params, profile },
      neverAborted,
    );
    return completed.profile;
  }

  /** The keys of the account that IAM has. */
  listKeyIds(): readonly string[] {
    return this.emulator.keys.list(account).map(({ id }) => id);
  }

  /** Whether IAM accepts the token of a new exchange. */
  async hasWorkingKey({ profiles }: RunningProfiles, profile?: string): Promise<boolean> {
    const token = await refreshToken(profiles.get(profile));
    return this.emulator.subjectOfValidToken(token) === account;
  }

  /** The slots that the store has, each with at least a credential. */
  listSlots(): readonly string[] {
    const slots = this.base.store.listKeys().map((item) => item.split('.')[1] ?? '');
    return [...new Set(slots)];
  }

  /** The first key is the only one, works, and is all that the store has. */
  async assertUnchanged(running: RunningProfiles): Promise<void> {
    assert.deepEqual(this.listKeyIds(), [key.id]);
    assert.equal(running.current().profiles['default']?.key?.id, key.id);
    assert.deepEqual(this.listSlots(), [running.current().profiles['default']?.slot]);
    assert.equal(running.current().obsoleteKeys, undefined);
    assert.equal(await this.hasWorkingKey(running), true);
  }

  stop(): Promise<void> {
    return this.emulator.close();
  }
}

/** @returns why a rotation failed */
export async function captureProblem(rotation: Promise<unknown>): Promise<IamTokenError> {
  try {
    await rotation;
  } catch (error) {
    if (error instanceof IamTokenError) return error;
    throw error;
  }
  return assert.fail('the rotation succeeded');
}

function withSteps(store: CredentialStore, steps: ProcessSteps): CredentialStore {
  return {
    kind: store.kind,
    state: (keys) => store.state(keys),
    read: (item, interaction) => steps.take(() => store.read(item, interaction)),
    write: (item, value, interaction) => steps.take(() => store.write(item, value, interaction)),
    remove: (item, interaction) => steps.take(() => store.remove(item, interaction)),
    unlock: (passphrase) => store.unlock(passphrase),
    lock: () => store.lock(),
    close: () => store.close(),
  };
}
