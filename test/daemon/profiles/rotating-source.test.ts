import assert from 'node:assert/strict';
import type { Profile } from '../../../src/daemon/profiles/profile.ts';
import { Secret } from '../../../src/shared/secret.ts';
import type { CredentialKind } from '../../../src/sources/credential-kind.ts';
import type { ExchangeOutcome } from '../../../src/token/token-source.ts';
import {
  captureCode,
  login,
  refreshToken,
  type RunningProfiles,
  startProfiles,
  requestToken,
  type ProfilesFixture,
  createProfilesFixture,
} from '../../support/daemon/profiles-fixture.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

/** Like refresh tokens: an exchange uses up its credential and returns the next one. */
interface RotatingKind extends CredentialKind {
  valid: string;
  readonly usedCredentials: string[];
  readonly openedCredentials: string[];
  /** Whether exchanges fail after they have used up the credential. */
  isFailing: boolean;
  /** Whether an exchange uses up its credential. */
  isRotating: boolean;
}

function createRotatingKind(fixture: ProfilesFixture): RotatingKind {
  const kind: RotatingKind = {
    name: 'oauth',
    accountCollections: ['userAccounts'],
    valid: 'r1',
    usedCredentials: [],
    openedCredentials: [],
    isFailing: false,
    isRotating: true,
    createCredential: async ({ secret = '' }) => new Secret(secret),
    getRevocationAdvice: () => null,
    open: (credential) => {
      kind.openedCredentials.push(credential.expose());
      return { exchange: () => exchange(credential.expose()) };
    },
  };
  return kind;

  async function exchange(credentialText: string): Promise<ExchangeOutcome<Secret>> {
    kind.usedCredentials.push(credentialText);
    if (credentialText !== kind.valid) {
      return { ok: false, failure: { kind: 'terminal', message: `${credentialText} was used before` } };
    }
    const expiresAtMs = fixture.clock.now().wallMs + 12 * 60 * 60_000;
    const issuedToken = { value: new Secret(`t1.${credentialText}`), expiresAtMs, subject: null };
    if (!kind.isRotating) return { ok: true, issuedToken };
    const next = `r${Number(credentialText.slice(1)) + 1}`;
    kind.valid = next;
    const replacement = new Secret(next);
    return kind.isFailing
      ? { ok: false, failure: { kind: 'transient', message: 'half done' }, replacement }
      : { ok: true, issuedToken, replacement };
  }
}

describe('a credential that is replaced at each exchange', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;
  let kind: RotatingKind;
  let running: RunningProfiles;
  let profile: Profile;

  const start = (): Promise<RunningProfiles> => startProfiles(fixture, { findCredentialKind: () => kind });
  const getLiveSlot = (): string | undefined => running.current().profiles['default']?.slot;
  const readStoredCredential = async (): Promise<string | null> => {
    const item = await fixture.store.read(`${running.current().instance}.${getLiveSlot()}`, 'background');
    const { credential } = JSON.parse(item?.expose() ?? '{}') as { readonly credential?: string };
    return credential ?? null;
  };

  beforeEach(async () => {
    fixture = createProfilesFixture(folder());
    kind = createRotatingKind(fixture);
    running = await start();
    profile = await login(running, 'r1');
  });

  it('18.2: is committed to a profile that was renamed and edited in the meantime', async () => {
    const { signal } = new AbortController();
    await running.profiles.editor.rename('default', 'office');
    await running.profiles.editor.edit({ profile: 'office', folderId: 'b1gfolder' }, signal);
    await refreshToken(profile);
    const { profiles } = running.current();
    assert.deepEqual(Object.keys(profiles), ['office']);
    assert.equal(profiles['office']?.folderId, 'b1gfolder');
    running = await start();
    await running.profiles.load();
    await refreshToken(running.profiles.get('office'));
    assert.equal(kind.usedCredentials.length, new Set(kind.usedCredentials).size, 'none is used twice');
  });

  it('is stored after each replacement, including that of the login', async () => {
    assert.equal(await readStoredCredential(), 'r2');
    const slot = getLiveSlot();
    assert.equal(await refreshToken(profile), 't1.r2');
    assert.equal(await readStoredCredential(), 'r3');
    assert.notEqual(getLiveSlot(), slot, 'by a flip, not by a write over the old one');
    assert.deepEqual(running.current().discarded, []);
  });

  it('is opened once for each credential, by the login and by the exchanges after it', async () => {
    assert.deepEqual(kind.openedCredentials, ['r1', 'r2']);
    await refreshToken(profile);
    assert.deepEqual(kind.openedCredentials, ['r1', 'r2', 'r3']);
    kind.isRotating = false;
    kind.valid = 'r9';
    await refreshToken(await login(running, 'r9'));
    assert.deepEqual(kind.openedCredentials, ['r1', 'r2', 'r3', 'r9']);
  });

  it('leaves one credential and one token in the store, which a restart uses', async () => {
    await refreshToken(profile);
    assert.equal(fixture.store.listKeys().length, 2);
    await running.profiles.stop();
    running = await start();
    await running.profiles.load();
    profile = running.profiles.get();
    assert.equal(await requestToken(profile), 't1.r2');
    assert.equal(await refreshToken(profile), 't1.r3');
    assert.deepEqual(kind.usedCredentials, ['r1', 'r2', 'r3']);
  });

  it('is in the store before it is exchanged', async () => {
    const release = fixture.store.holdCalls(({ operation }) => operation === 'write');
    const first = refreshToken(profile);
    const second = refreshToken(profile);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    assert.deepEqual(kind.usedCredentials, ['r1', 'r2']);
    release();
    assert.deepEqual([await first, await second], ['t1.r2', 't1.r2']);
    assert.equal(await readStoredCredential(), 'r3');
  });

  it('is not exchanged until it is stored, while its token is served', async () => {
    fixture.store.failWith('keychain_locked', ({ operation }) => operation === 'write');
    assert.equal(await refreshToken(profile), 't1.r2');
    assert.equal(await captureCode(refreshToken(profile)), 'unavailable');
    assert.equal(await requestToken(profile), 't1.r2');
    assert.deepEqual(kind.usedCredentials, ['r1', 'r2'], 'no exchange with a credential that is not stored');
    assert.match(
      fixture.log.lines.join('\n'),
      /cannot store the renewed credential: the store fails: keychain_locked/,
    );
    fixture.store.failWith(null);
    assert.equal(await refreshToken(profile), 't1.r3');
    assert.equal(await readStoredCredential(), 'r4');
  });

  it('is stored once by two unlocks at once, and replaced again afterwards', async () => {
    fixture.store.failWith('keychain_locked', ({ operation }) => operation === 'write');
    await refreshToken(profile);
    fixture.store.failWith(null);
    await Promise.all([running.profiles.unlock(null), running.profiles.unlock(null)]);
    assert.equal(await readStoredCredential(), 'r3');
    assert.equal(await refreshToken(profile), 't1.r3');
    assert.equal(await readStoredCredential(), 'r4');
  });

  describe('while the store asks the user before each change', () => {
    beforeEach(() => {
      fixture.store.confirmation = { code: 'keychain_locked', message: 'it asks' };
      fixture.store.failWith(
        'keychain_locked',
        ({ operation, interaction }) => operation !== 'read' && interaction === 'background',
      );
    });
    const getNotice = (): string | null =>
      running.profiles.getNotice('default', running.profiles.getEntry('default'));

    it('A4: is used from memory, which the status says, and stored at the next unlock', async () => {
      assert.equal(await refreshToken(profile), 't1.r2');
      assert.equal(await refreshToken(profile), 't1.r3');
      assert.equal(await readStoredCredential(), 'r2');
      assert.match(
        getNotice() ?? '',
        /only in memory and is lost when the daemon stops; to store it: iam-token unlock$/,
      );
      await running.profiles.unlock(null);
      assert.equal(await readStoredCredential(), 'r4');
      assert.equal(getNotice(), null);
      assert.equal(await refreshToken(profile), 't1.r4');
    });

    it('A4: is stored at the next login of another profile', async () => {
      await refreshToken(profile);
      await login(running, kind.valid, 'other');
      assert.equal(await readStoredCredential(), 'r3');
    });

    it('A4: is lost with the daemon, and the log says so', async () => {
      await refreshToken(profile);
      await running.profiles.stop();
      assert.match(
        fixture.log.lines.join('\n'),
        /stopping: the renewed credential was not stored and is lost; log in again/,
      );
    });

    it('A4: leaves memory at a lock', async () => {
      await refreshToken(profile);
      await running.profiles.lock();
      assert.equal(getNotice(), null);
      assert.match(fixture.log.lines.join('\n'), /locked: the renewed credential.* is lost/);
    });
  });

  it('is stored even if the exchange fails afterwards', async () => {
    kind.isFailing = true;
    assert.equal(await captureCode(refreshToken(profile)), 'unavailable');
    assert.equal(await readStoredCredential(), 'r3');
    kind.isFailing = false;
    assert.equal(await refreshToken(profile), 't1.r3');
  });

  it('does not replace the credential of a login that was faster', async () => {
    const release = fixture.store.holdCalls(
      ({ operation, key, interaction }) =>
        operation === 'write' && interaction === 'background' && !key.endsWith('.token'),
    );
    const lateRefresh = refreshToken(profile);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    kind.valid = 'r7';
    await login(running, 'r7');
    release();
    await captureCode(lateRefresh);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    assert.equal(await readStoredCredential(), 'r8');
    assert.equal(await refreshToken(running.profiles.get()), 't1.r8');
    assert.deepEqual(running.current().discarded, []);
  });
});
