import assert from 'node:assert/strict';
import { CredentialSlots } from '../../src/daemon/credential-slots.ts';
import type { ProfileRegistry } from '../../src/daemon/profile-registry.ts';
import type { CredentialStore } from '../../src/keychain/credential-store.ts';
import { createMemoryStore } from '../../src/keychain/memory-store.ts';
import { ProblemError } from '../../src/shared/errors.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { KeptToken } from '../../src/token/iam-token.ts';
import { fakeLog } from '../support/fake-log.ts';

const instance = 'aaaaaaaaaaaaaaaa';
const slot = 'bbbbbbbbbbbbbbbb';

const stored = {
  kind: 'oauth',
  endpoint: 'https://iam.example.net',
  audience: 'https://iam.example.net/iam/v1/tokens',
  credential: new Secret('y0_secret'),
};

const kept: KeptToken = {
  token: {
    value: new Secret('t1.kept'),
    subject: 'ajesubject',
    expiresAtMs: Date.UTC(2026, 10, 24, 12),
    receivedAtMs: Date.UTC(2026, 10, 24),
  },
  clockOffsetMs: 90_000,
};

function slotsIn(store: CredentialStore, instance = 'aaaaaaaaaaaaaaaa'): CredentialSlots {
  const registry: ProfileRegistry = {
    current: () => ({ version: 1, instance, default: null, profiles: {}, discarded: [] }),
    change: () => assert.fail('what is live stays so'),
  };
  return new CredentialSlots(store, registry, fakeLog());
}

describe('a slot', () => {
  let store: CredentialStore;
  let slots: CredentialSlots;

  beforeEach(() => {
    store = createMemoryStore();
    slots = slotsIn(store);
  });

  const put = (key: string, text: string): Promise<void> => store.write(key, new Secret(text), 'asked');

  it('gives back a credential with the installation that confirmed it', async () => {
    await slots.writeCredential(slot, stored, 'asked');
    const read = await slots.readCredential(slot);
    assert.equal(read?.credential.expose(), 'y0_secret');
    assert.deepEqual({ ...read, credential: null }, { ...stored, credential: null });
  });

  it('gives back the token that was kept, and the offset of the clock', async () => {
    await slots.writeToken(slot, kept);
    const read = await slots.readToken(slot);
    assert.equal(read?.token.value.expose(), 't1.kept');
    assert.deepEqual({ ...read?.token, value: null }, { ...kept.token, value: null });
    assert.equal(read?.clockOffsetMs, 90_000);
  });

  it('is empty before anything was written, and after it was removed', async () => {
    assert.deepEqual([await slots.readCredential(slot), await slots.readToken(slot)], [null, null]);
    await slots.writeCredential(slot, stored, 'asked');
    await slots.writeToken(slot, kept);
    await slots.remove(slot, 'asked');
    assert.deepEqual([await slots.readCredential(slot), await slots.readToken(slot)], [null, null]);
  });

  it('lies in two items, named by instance and slot in characters that every store takes', async () => {
    await slots.writeCredential(slot, stored, 'asked');
    await slots.writeToken(slot, kept);
    const keys = [`${instance}.${slot}`, `${instance}.${slot}.token`];
    for (const key of keys) assert.notEqual(await store.read(key, 'unasked'), null, key);
    for (const key of keys) assert.match(key, /^[A-Za-z0-9.-]{1,200}$/);
  });

  it('is not to be seen from another instance', async () => {
    await slots.writeCredential(slot, stored, 'asked');
    assert.equal(await slotsIn(store, 'cccccccccccccccc').readCredential(slot), null);
  });

  it('is written at a wish of a person, and kept and read without one', async () => {
    const manners: string[] = [];
    const listening: CredentialStore = {
      ...store,
      read: (key, manner) => {
        manners.push(`read ${manner}`);
        return store.read(key, manner);
      },
      write: (key, value, manner) => {
        manners.push(`write ${manner}`);
        return store.write(key, value, manner);
      },
    };
    const heard = slotsIn(listening);
    await heard.writeCredential(slot, stored, 'asked');
    await heard.writeToken(slot, kept);
    await heard.readCredential(slot);
    await heard.readToken(slot);
    assert.deepEqual(manners, ['write asked', 'write unasked', 'read unasked', 'read unasked']);
  });

  const { credential: _secret, ...fields } = stored;
  const credentialItem = { v: 1, ...fields, credential: 'y0_secret' };
  const junk = ['', 'y0_secret', 'null', '[]', '{}', '"x"', '{"v":1', '{"__proto__":{"v":1}}'];
  for (const text of [
    ...junk,
    JSON.stringify({ ...credentialItem, v: 2 }),
    JSON.stringify({ ...credentialItem, credential: undefined }),
    JSON.stringify({ ...credentialItem, endpoint: 1 }),
  ]) {
    it(`asks for a login when the item holds ${text.slice(0, 50) || 'nothing'}, and says nothing of it`, async () => {
      await put(`${instance}.${slot}`, text);
      await assert.rejects(
        slots.readCredential(slot),
        (error) =>
          error instanceof ProblemError &&
          error.problem.code === 'login_required' &&
          !JSON.stringify(error.problem).includes('y0_'),
      );
    });
  }

  const { value: _value, ...times } = kept.token;
  const tokenItem = { v: 1, token: 't1.kept', ...times, clockOffsetMs: 0 };
  for (const text of [
    ...junk,
    JSON.stringify({ ...tokenItem, token: '' }),
    JSON.stringify({ ...tokenItem, subject: 1 }),
    JSON.stringify({ ...tokenItem, expiresAtMs: 'tomorrow' }),
    JSON.stringify({ ...tokenItem, expiresAtMs: 1e300 }),
    JSON.stringify({ ...tokenItem, expiresAtMs: 8.64e15 + 1 }),
    JSON.stringify({ ...tokenItem, expiresAtMs: tokenItem.receivedAtMs + 25 * 3_600_000 }),
    JSON.stringify({ ...tokenItem, receivedAtMs: -1e300 }),
    JSON.stringify({ ...tokenItem, clockOffsetMs: 1e300 }),
  ]) {
    it(`passes over a kept token that is ${text.slice(0, 150) || 'nothing'}`, async () => {
      await put(`${instance}.${slot}.token`, text);
      assert.equal(await slots.readToken(slot), null);
    });
  }
});
