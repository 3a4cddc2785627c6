import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import {
  createProfilesFixture,
  login,
  type ProfilesFixture,
  refreshToken,
  type RunningProfiles,
  startLoaded,
} from '../../support/daemon/profiles-fixture.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('tokens that the store does not keep', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;
  let running: RunningProfiles;

  beforeEach(async () => {
    fixture = createProfilesFixture(folder());
    running = await startLoaded(fixture);
    await login(running, 'a', 'work');
    await login(running, 'b', 'home');
    await waitUntil(() => fixture.store.listKeys().length === 4, 'the tokens are stored');
  });
  afterEach(() => running.profiles.stop());

  const getNotice = (name: string): string | null =>
    running.profiles.getNotice(name, running.profiles.getEntry(name));
  const failTokens = (code: 'internal' | null): void =>
    fixture.store.failWith(code, ({ operation, key }) => operation === 'write' && key.endsWith('.token'));
  const warnings = (): readonly string[] =>
    fixture.log.lines.filter((line) => line.includes('cannot store the IAM token') && line.includes('warn'));

  async function refreshAll(): Promise<void> {
    await refreshToken(running.profiles.get('work'));
    await refreshToken(running.profiles.get('home'));
    for (let count = 0; count < 8; count += 1) await turn();
  }

  it('E13: cause one warning, and a line in status until one is stored', async () => {
    failTokens('internal');
    await refreshAll();
    await refreshAll();
    assert.equal(warnings().length, 1, fixture.log.lines.join('\n'));
    assert.equal(getNotice('work'), 'the IAM token is not stored for a restart: the store fails: internal');
    assert.ok(getNotice('home') !== null);
    failTokens(null);
    await refreshAll();
    assert.deepEqual([getNotice('work'), getNotice('home')], [null, null]);
  });

  it('are no reason for a warning with a keychain that asks before each change', async () => {
    fixture.store.confirmation = { code: 'keychain_locked', message: 'it asks before each change' };
    failTokens('internal');
    await refreshAll();
    assert.deepEqual([warnings(), getNotice('work')], [[], null]);
  });
});
