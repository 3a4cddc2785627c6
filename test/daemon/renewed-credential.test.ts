import assert from 'node:assert/strict';
import type { Profile } from '../../src/daemon/profile.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { CredentialKind } from '../../src/sources/credential-kind.ts';
import {
  codeOf,
  login,
  refreshed,
  type Running,
  startProfiles,
  tokenOf,
  type World,
  world,
} from '../support/profiles-fixture.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A service as those of refresh tokens: each credential is good for one exchange, which gives the next. */
interface Rotating extends CredentialKind {
  valid: string;
  readonly used: string[];
  /** The service takes the credential, and then something goes wrong. */
  fails: boolean;
}

function rotating(here: World): Rotating {
  const kind: Rotating = {
    name: 'oauth',
    valid: 'r1',
    used: [],
    fails: false,
    accept: async ({ secret = '' }) => new Secret(secret),
    revocationAdvice: () => null,
    open: (credential) => ({
      async exchange() {
        const shown = credential.expose();
        kind.used.push(shown);
        if (shown !== kind.valid) {
          return { ok: false, failure: { kind: 'terminal', message: `${shown} was used before` } } as const;
        }
        const next = `r${Number(shown.slice(1)) + 1}`;
        kind.valid = next;
        const replacement = new Secret(next);
        if (kind.fails) {
          return { ok: false, failure: { kind: 'transient', message: 'half done' }, replacement } as const;
        }
        const expiresAtMs = here.clock.now().wallMs + 12 * 60 * 60_000;
        const exchanged = { token: new Secret(`t1.${shown}`), expiresAtMs, subject: null };
        return { ok: true, exchanged, replacement } as const;
      },
    }),
  };
  return kind;
}

describe('a credential that is replaced at each exchange', () => {
  const folder = temporaryFolder();
  let here: World;
  let kind: Rotating;
  let running: Running;
  let profile: Profile;

  const start = (): Running => startProfiles(here, { kindOf: () => kind });
  const liveSlot = (): string | undefined => running.current().profiles['default']?.slot;
  const stored = async (): Promise<string | null> => {
    const item = await here.store.read(`${running.current().instance}.${liveSlot()}`, 'unasked');
    const { credential } = JSON.parse(item?.expose() ?? '{}') as { readonly credential?: string };
    return credential ?? null;
  };

  beforeEach(async () => {
    here = world(folder());
    kind = rotating(here);
    running = start();
    profile = await login(running, 'r1');
  });

  it('is stored as it was replaced, from the login on', async () => {
    assert.equal(await stored(), 'r2');
    const slot = liveSlot();
    assert.equal(await refreshed(profile), 't1.r2');
    assert.equal(await stored(), 'r3');
    assert.notEqual(liveSlot(), slot, 'by a flip, not by a write over the old one');
    assert.deepEqual(running.current().discarded, []);
  });

  it('leaves one credential and one token in the store, and a restart goes on with them', async () => {
    await refreshed(profile);
    assert.equal(here.store.keys().length, 2);
    await running.profiles.stop();
    running = start();
    await running.profiles.load();
    profile = running.profiles.named();
    assert.equal(await tokenOf(profile), 't1.r2');
    assert.equal(await refreshed(profile), 't1.r3');
    assert.deepEqual(kind.used, ['r1', 'r2', 'r3']);
  });

  it('is in the store before anything is exchanged for it', async () => {
    const release = here.store.hold(({ operation }) => operation === 'write');
    const first = refreshed(profile);
    const second = refreshed(profile);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    assert.deepEqual(kind.used, ['r1', 'r2']);
    release();
    assert.deepEqual([await first, await second], ['t1.r2', 't1.r2']);
    assert.equal(await stored(), 'r3');
  });

  it('is used no further while the store does not take it, and its token is served', async () => {
    here.store.failWith('keychain_locked', ({ operation }) => operation === 'write');
    assert.equal(await refreshed(profile), 't1.r2');
    assert.equal(await codeOf(refreshed(profile)), 'unavailable');
    assert.equal(await tokenOf(profile), 't1.r2');
    assert.deepEqual(kind.used, ['r1', 'r2'], 'nothing was exchanged for what is not stored');
    assert.match(
      here.log.lines.join('\n'),
      /the renewed credential cannot be stored: the store fails: keychain_locked/,
    );
    here.store.failWith(null);
    assert.equal(await refreshed(profile), 't1.r3');
    assert.equal(await stored(), 'r4');
  });

  it('is stored also where the exchange fails in the end', async () => {
    kind.fails = true;
    assert.equal(await codeOf(refreshed(profile)), 'unavailable');
    assert.equal(await stored(), 'r3');
    kind.fails = false;
    assert.equal(await refreshed(profile), 't1.r3');
  });

  it('does not come over the credential of a login that was quicker', async () => {
    const release = here.store.hold(
      ({ operation, key, manner }) =>
        operation === 'write' && manner === 'unasked' && !key.endsWith('.token'),
    );
    const late = refreshed(profile);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    kind.valid = 'r7';
    await login(running, 'r7');
    release();
    await codeOf(late);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    assert.equal(await stored(), 'r8');
    assert.equal(await refreshed(running.profiles.named()), 't1.r8');
    assert.deepEqual(running.current().discarded, []);
  });
});
