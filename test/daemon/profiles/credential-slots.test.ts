import assert from 'node:assert/strict';
import { CredentialSlots } from '../../../src/daemon/profiles/credential-slots.ts';
import type { ProfileRegistry } from '../../../src/daemon/profiles/profile-registry.ts';
import type { CredentialStore } from '../../../src/stores/credential-store.ts';
import { createMemoryStore } from '../../../src/stores/memory-store.ts';
import { IamTokenError, problemOf } from '../../../src/shared/errors.ts';
import { Secret } from '../../../src/shared/secret.ts';
import type { PersistedToken } from '../../../src/token/token.ts';
import { createFakeLog } from '../../support/fake-log.ts';

const instance = 'aaaaaaaaaaaaaaaa';
const slot = 'bbbbbbbbbbbbbbbb';

const storedCredential = {
  kind: 'oauth',
  endpoint: 'https://iam.example.net',
  audience: 'https://iam.example.net/iam/v1/tokens',
  credential: new Secret('y0_secret'),
};

const persistedToken: PersistedToken<Secret> = {
  token: {
    value: new Secret('t1.kept'),
    subject: 'ajesubject',
    expiresAtMs: Date.UTC(2026, 10, 24, 12),
    receivedAtMs: Date.UTC(2026, 10, 24),
  },
  clockOffsetMs: 90_000,
};

function createSlots(store: CredentialStore, instance = 'aaaaaaaaaaaaaaaa'): CredentialSlots {
  const registry: ProfileRegistry = {
    current: { version: 1, instance, default: null, profiles: {}, discarded: [] },
    update: () => assert.fail('the live slot must not change'),
  };
  return new CredentialSlots(store, registry, createFakeLog());
}

describe('a slot', () => {
  let store: CredentialStore;
  let slots: CredentialSlots;

  beforeEach(() => {
    store = createMemoryStore();
    slots = createSlots(store);
  });

  const writeItem = (key: string, text: string): Promise<void> =>
    store.write(key, new Secret(text), 'interactive');

  it('returns a credential with the installation that verified it', async () => {
    await slots.writeCredential(slot, storedCredential, 'interactive');
    const readBack = await slots.readCredential(slot);
    assert.equal(readBack?.credential.expose(), 'y0_secret');
    assert.deepEqual({ ...readBack, credential: null }, { ...storedCredential, credential: null });
  });

  it('returns the stored token and the clock offset', async () => {
    await slots.writeToken(slot, persistedToken);
    const readBack = await slots.readToken(slot);
    assert.equal(readBack?.token.value.expose(), 't1.kept');
    assert.deepEqual({ ...readBack?.token, value: null }, { ...persistedToken.token, value: null });
    assert.equal(readBack?.clockOffsetMs, 90_000);
  });

  it('is empty at first and after its removal', async () => {
    assert.deepEqual([await slots.readCredential(slot), await slots.readToken(slot)], [null, null]);
    await slots.writeCredential(slot, storedCredential, 'interactive');
    await slots.writeToken(slot, persistedToken);
    await slots.remove(slot, 'interactive');
    assert.deepEqual([await slots.readCredential(slot), await slots.readToken(slot)], [null, null]);
  });

  it('has two items, named by instance and slot in characters that every store accepts', async () => {
    await slots.writeCredential(slot, storedCredential, 'interactive');
    await slots.writeToken(slot, persistedToken);
    const keys = [`${instance}.${slot}`, `${instance}.${slot}.token`];
    for (const key of keys) assert.notEqual(await store.read(key, 'background'), null, key);
    for (const key of keys) assert.match(key, /^[A-Za-z0-9.-]{1,200}$/);
  });

  it('is not visible to another instance', async () => {
    await slots.writeCredential(slot, storedCredential, 'interactive');
    assert.equal(await createSlots(store, 'cccccccccccccccc').readCredential(slot), null);
  });

  it('is written interactively, read and updated in the background', async () => {
    const interactions: string[] = [];
    const recordingStore: CredentialStore = {
      ...store,
      read: (key, interaction) => {
        interactions.push(`read ${interaction}`);
        return store.read(key, interaction);
      },
      write: (key, value, interaction) => {
        interactions.push(`write ${interaction}`);
        return store.write(key, value, interaction);
      },
    };
    const recordingSlots = createSlots(recordingStore);
    await recordingSlots.writeCredential(slot, storedCredential, 'interactive');
    await recordingSlots.writeToken(slot, persistedToken);
    await recordingSlots.readCredential(slot);
    await recordingSlots.readToken(slot);
    assert.deepEqual(interactions, [
      'write interactive',
      'write background',
      'read background',
      'read background',
    ]);
  });

  const { credential: _secret, ...fields } = storedCredential;
  const credentialItem = { v: 1, ...fields, credential: 'y0_secret' };
  const invalidItems = ['', 'y0_secret', 'null', '[]', '{}', '"x"', '{"v":1', '{"__proto__":{"v":1}}'];
  for (const text of [
    ...invalidItems,
    JSON.stringify({ ...credentialItem, v: 2 }),
    JSON.stringify({ ...credentialItem, credential: undefined }),
    JSON.stringify({ ...credentialItem, endpoint: 1 }),
  ]) {
    it(`requires a login if its item is ${text.slice(0, 50) || 'empty'}, without repeating it`, async () => {
      await writeItem(`${instance}.${slot}`, text);
      await assert.rejects(
        slots.readCredential(slot),
        (error) =>
          error instanceof IamTokenError &&
          error.code === 'login_required' &&
          !JSON.stringify(problemOf(error)).includes('y0_'),
      );
    });
  }

  const { value: _value, ...timestamps } = persistedToken.token;
  const tokenItem = { v: 1, token: 't1.kept', ...timestamps, clockOffsetMs: 0 };
  for (const text of [
    ...invalidItems,
    JSON.stringify({ ...tokenItem, token: '' }),
    JSON.stringify({ ...tokenItem, token: 't1.a\nb' }),
    JSON.stringify({ ...tokenItem, token: 't1.a\u001b[31m' }),
    JSON.stringify({ ...tokenItem, token: 't'.repeat(4_097) }),
    JSON.stringify({ ...tokenItem, subject: 'aje\u202e' }),
    JSON.stringify({ ...tokenItem, expiresAtMs: 1e15, receivedAtMs: 1e15 }),
    JSON.stringify({ ...tokenItem, subject: 1 }),
    JSON.stringify({ ...tokenItem, expiresAtMs: 'tomorrow' }),
    JSON.stringify({ ...tokenItem, expiresAtMs: 1e300 }),
    JSON.stringify({ ...tokenItem, expiresAtMs: 8.64e15 + 1 }),
    JSON.stringify({ ...tokenItem, expiresAtMs: tokenItem.receivedAtMs + 25 * 3_600_000 }),
    JSON.stringify({ ...tokenItem, receivedAtMs: -1e300 }),
    JSON.stringify({ ...tokenItem, clockOffsetMs: 1e300 }),
  ]) {
    it(`D9: ignores a stored token that is ${text.slice(0, 150) || 'empty'}`, async () => {
      await writeItem(`${instance}.${slot}.token`, text);
      assert.equal(await slots.readToken(slot), null);
    });
  }
});
