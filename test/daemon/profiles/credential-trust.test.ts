import assert from 'node:assert/strict';
import type { CertificateAnchor } from '../../../src/config/certificate-files.ts';
import { Secret } from '../../../src/shared/secret.ts';
import {
  captureCode,
  createProfilesFixture,
  itemKeysOf,
  login,
  type ProfilesFixture,
  refreshToken,
  requestToken,
  restart,
  type RunningProfiles,
  startLoaded,
} from '../../support/daemon/profiles-fixture.ts';
import { captureProblem } from '../../support/problems.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const anchor = (path: string, digit: string): CertificateAnchor => ({ path, sha256: digit.repeat(64) });
const own = anchor('/home/ada/ca.pem', 'a');
const foreign = anchor('/tmp/evil.pem', 'e');

describe('the trust of a credential', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;

  beforeEach(() => {
    fixture = createProfilesFixture(folder());
  });

  const codeOf = (running: RunningProfiles): Promise<string> =>
    captureCode(requestToken(running.profiles.get()));
  async function readItem(running: RunningProfiles): Promise<{ readonly anchors?: unknown }> {
    const [key = ''] = itemKeysOf(running, 'default');
    const item = await fixture.store.read(key, 'background');
    return JSON.parse(item?.expose() ?? '{}') as { readonly anchors?: unknown };
  }

  for (const [what, before, after, file] of [
    ['changed', [own], [anchor(own.path, 'b')], own.path],
    ['was added', [], [foreign], foreign.path],
    ['was added to another', [own], [own, foreign], foreign.path],
    ['was removed', [own], [], own.path],
  ] as const) {
    it(`D5: ends if a file ${what}, until a login, and across a restart`, async () => {
      fixture.anchors = before;
      let running = await startLoaded(fixture);
      await login(running, 'a');
      fixture.anchors = after;
      await running.profiles.recheckTrust();
      const problem = await captureProblem(requestToken(running.profiles.get()));
      assert.equal(problem.code, 'login_required');
      assert.ok(problem.message.includes(file), problem.message);
      assert.equal(await captureCode(refreshToken(running.profiles.get())), 'login_required');
      running = await restart(fixture, running);
      assert.equal(await codeOf(running), 'login_required');
      assert.ok(
        fixture.log.lines.some((line) => line.includes('the credential is not used') && line.includes(file)),
      );
      const exchangesBefore = fixture.iam.exchanges.length;
      await login(running, 'b');
      assert.equal(fixture.iam.exchanges.length, exchangesBefore + 1);
      running = await restart(fixture, running);
      assert.equal(await codeOf(running), 'ok');
    });
  }

  it('D5: continues if a file moved, or changed back', async () => {
    fixture.anchors = [own];
    const running = await startLoaded(fixture);
    await login(running, 'a');
    fixture.anchors = [anchor('/home/ada/other.pem', 'a')];
    await running.profiles.recheckTrust();
    assert.equal(await codeOf(running), 'ok');
    fixture.anchors = [foreign];
    await running.profiles.recheckTrust();
    assert.equal(await codeOf(running), 'login_required');
    fixture.anchors = [own];
    await running.profiles.recheckTrust();
    assert.equal(await codeOf(running), 'ok');
  });

  it('D5: is recorded at the first start with a credential of release 0.1.0', async () => {
    let running = await startLoaded(fixture);
    await login(running, 'a');
    const [key = ''] = itemKeysOf(running, 'default');
    const { anchors: _, ...oldItem } = await readItem(running);
    await fixture.store.write(key, new Secret(JSON.stringify(oldItem)), 'background');
    fixture.anchors = [own];
    running = await restart(fixture, running);
    assert.deepEqual((await readItem(running)).anchors, [own]);
    assert.equal(await codeOf(running), 'ok');
    assert.deepEqual(running.current().discarded, []);
    assert.deepEqual(fixture.store.listKeys(), itemKeysOf(running, 'default'));
    fixture.anchors = [own, foreign];
    running = await restart(fixture, running);
    assert.equal(await codeOf(running), 'login_required');
  });

  it('D5: is confirmed by an unlock that took the passphrase, and by no other', async () => {
    fixture.anchors = [own];
    let running = await startLoaded(fixture);
    await login(running, 'a');
    fixture.anchors = [foreign];
    running = await restart(fixture, running);
    await running.profiles.unlock(null);
    assert.equal(await codeOf(running), 'login_required');
    await running.profiles.unlock(new Secret('x'));
    assert.equal(await codeOf(running), 'login_required');
    await running.profiles.lock();
    await running.profiles.unlock(null);
    assert.equal(await codeOf(running), 'login_required');
    await running.profiles.lock();
    const openState = fixture.store.state.bind(fixture.store);
    fixture.store.state = async () => ({
      kind: 'closed',
      problem: { code: 'locked', message: 'the store is locked' },
      passphrase: 'needed',
    });
    await running.profiles.unlock(new Secret('the passphrase'));
    fixture.store.state = openState;
    assert.equal(await codeOf(running), 'ok');
    assert.deepEqual((await readItem(running)).anchors, [foreign]);
    running = await restart(fixture, running);
    assert.equal(await codeOf(running), 'ok');
  });

  it('D5: is not restored by a reload while the daemon is locked', async () => {
    fixture.anchors = [own];
    const running = await startLoaded(fixture);
    await login(running, 'a');
    await running.profiles.lock();
    fixture.anchors = [foreign];
    await running.profiles.recheckTrust();
    fixture.anchors = [own];
    await running.profiles.recheckTrust();
    assert.equal(await captureCode(Promise.resolve().then(() => running.profiles.getUnlocked())), 'locked');
    assert.equal(await codeOf(running), 'locked');
  });

  it('D5: sends no IAM token for impersonated accounts and AWS keys either', async () => {
    fixture.anchors = [own];
    const running = await startLoaded(fixture);
    await login(running, 'a');
    fixture.anchors = [foreign];
    const { signal } = new AbortController();
    const impersonated = running.profiles.getImpersonated(undefined, 'ajesa', null);
    await captureCode(impersonated.requestToken(0, signal));
    assert.equal(await codeOf(running), 'login_required');
  });
});
