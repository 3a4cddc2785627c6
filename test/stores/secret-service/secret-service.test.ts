import assert from 'node:assert/strict';
import type { SecretService } from '../../../src/stores/secret-service/secret-service.ts';
import { collectionPath, type FakeSecretService } from '../../support/stores/fake-secret-service.ts';
import { abortWithTimeout, SecretServiceFixture } from '../../support/stores/secret-service-fixture.ts';
import { captureProblem, captureProblemText, formatProblem } from '../../support/problems.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('secret-service', () => {
  let fixture: SecretServiceFixture;
  let fake: FakeSecretService;
  let service: SecretService;

  beforeEach(async () => {
    fixture = await SecretServiceFixture.start();
    ({ fake, service } = fixture);
  });

  afterEach(() => fake.bus.stop());

  async function checkFailure(): Promise<string> {
    const problem = await captureProblem(service.check([]));
    assert.notEqual(problem.hint, undefined);
    return formatProblem(problem);
  }

  async function assertAllFail(expected: RegExp): Promise<void> {
    assert.match(await captureProblemText(service.check(['a'])), expected);
    for (const problem of await fixture.listProblems('a')) assert.match(problem, expected);
  }

  describe('with one keyring', () => {
    it('creates, replaces and removes an item', async () => {
      assert.deepEqual(await service.read('a'), { kind: 'absent' });
      await service.write('a', 'old', null);
      assert.deepEqual(await service.read('a'), { kind: 'open' });
      await service.write('a', 'new', null);
      assert.deepEqual(fixture.listItems(), [`${collectionPath('login')}/1 new`]);
      await service.remove('a', null);
      await service.remove('a', null);
      assert.deepEqual(fake.items, []);
      assert.equal(await service.check(['a']), null);
      assert.equal(fake.countPrompts(), 0);
    });

    it('uses one connection for all items, and another for a check', async () => {
      await service.read('a');
      await service.write('a', 'old', null);
      assert.equal(fake.bus.connectionCount(), 1);
      await service.check(['a']);
      await waitUntil(() => fake.bus.connectionCount() === 1, 'that of the check is closed');
      fake.bus.disconnectAll();
      await waitUntil(() => fake.bus.connectionCount() === 0, 'the bus is gone');
      assert.deepEqual(await service.read('a'), { kind: 'open' });
    });

    it('distinguishes a locked keyring from a missing one', async () => {
      fixture.setLocked('login');
      await assertAllFail(/^keychain_locked: the keyring is locked/);
      assert.ok(!fake.listCalls().includes('SearchItems'), 'a search could open a prompt');
      fake.defaultPath = '/';
      fake.collections.clear();
      await assertAllFail(/^keychain_unavailable: no keyring has been created/);
    });

    it('unlocks with a prompt, and checks the result', async () => {
      fixture.setLocked('login');
      await fixture.unlock([]);
      assert.equal(fake.countPrompts(), 1);
      assert.equal(await service.check([]), null);
      await fixture.unlock([]);
      assert.equal(fake.countPrompts(), 1);
    });

    it('creates a missing default keyring', async () => {
      fake.defaultPath = '/';
      fake.collections.clear();
      await fixture.unlock(['a'], 'write');
      assert.deepEqual(fake.bus.calls.find(({ member }) => member === 'CreateCollection')?.body, [
        [['org.freedesktop.Secret.Collection.Label', { signature: 's', value: 'Login' }]],
        'default',
      ]);
    });

    it('reports a dismissed prompt', async () => {
      fake.user = 'dismisses';
      fixture.setLocked('login');
      const dismissed = /^keychain_locked: .*dismissed/;
      assert.match(await captureProblemText(fixture.unlock([])), dismissed);
      fake.defaultPath = '/';
      fake.collections.clear();
      assert.match(await captureProblemText(fixture.unlock([])), dismissed);
    });

    it('waits longer for a prompt than for the service', async () => {
      fixture.setLocked('login');
      fake.user = 'ignores';
      const unlocked = fixture.unlock([]);
      await waitUntil(() => fake.countPrompts() === 1, 'the prompt is open');
      fixture.abortTimeouts();
      fake.completePrompt('/org/freedesktop/secrets/prompt/p1');
      await unlocked;
    });

    it('serves other calls while a prompt is open', async () => {
      fake.addItem('login', 'a');
      fixture.setLocked('second');
      fake.addItem('second', 'b');
      fake.user = 'ignores';
      const unlocked = fixture.unlock(['b']);
      await waitUntil(() => fake.countPrompts() === 1, 'the prompt is open');
      assert.deepEqual(await service.read('a'), { kind: 'open' });
      fake.completePrompt('/org/freedesktop/secrets/prompt/p1');
      await unlocked;
    });

    it('times out on an unanswered prompt, and does not dismiss it, which would crash gnome-keyring', async () => {
      fixture.setLocked('login');
      fake.user = 'ignores';
      const controller = new AbortController();
      const rejection = captureProblemText(fixture.unlock([], 'read', [], controller.signal));
      await waitUntil(() => fake.countPrompts() === 1, 'the prompt is open');
      abortWithTimeout(controller);
      assert.match(await rejection, /^keychain_locked: .*not answered in time/);
      assert.equal(fake.listCalls().at(-1), 'Prompt');
      await waitUntil(() => fake.bus.connectionCount() === 0, 'the connection is closed');
    });

    it('stops waiting for a prompt when the service exits', async () => {
      fixture.setLocked('login');
      fake.user = 'ignores';
      const rejection = captureProblemText(fixture.unlock([]));
      await waitUntil(() => fake.countPrompts() === 1, 'the prompt is open');
      fake.overrideReaction = () => ({ errorName: 'org.freedesktop.DBus.Error.ServiceUnknown' });
      fake.bus.emit({
        path: '/org/freedesktop/DBus',
        interface: 'org.freedesktop.DBus',
        member: 'NameOwnerChanged',
        signature: 'sss',
        body: ['org.freedesktop.secrets', ':1.1', ''],
      });
      assert.match(await rejection, /^keychain_unavailable: no keychain service/);
    });
  });

  describe('that fails', () => {
    for (const name of ['ServiceUnknown', 'NameHasNoOwner', 'Spawn.ChildExited']) {
      it(`reports a missing service for the D-Bus error ${name}`, async () => {
        fake.overrideReaction = () => ({ errorName: `org.freedesktop.DBus.Error.${name}` });
        assert.match(await checkFailure(), /^keychain_unavailable: no keychain service/);
      });
    }

    it('reports a service that does not respond', async () => {
      fake.overrideReaction = () => null;
      const problem = checkFailure();
      await waitUntil(() => fake.listCalls().length > 0, 'the service was called');
      fixture.abortTimeouts();
      assert.match(await problem, /^keychain_unavailable: the keychain service does not respond/);
      await waitUntil(() => fake.bus.connectionCount() === 0, 'the connection is closed');
      fake.overrideReaction = () => ({ errorName: 'org.freedesktop.DBus.Error.NoReply' });
      assert.match(await checkFailure(), /^keychain_unavailable: the keychain service does not respond/);
      fake.overrideReaction = () => Buffer.from('nonsense, and more than sixteen bytes of it');
      assert.match(await checkFailure(), /^keychain_unavailable: the keychain service does not respond/);
    });

    it('passes on any other error of the service in one line', async () => {
      fake.overrideReaction = () => ({ errorName: 'a.b.C', signature: 's', body: ['no\n  way'] });
      assert.match(await checkFailure(), /^keychain_unavailable: the keychain service failed: no way$/);
    });

    it('reports a missing bus', async () => {
      for (const address of ['', 'unix:path=/nowhere/bus', 'autolaunch:']) {
        const unreachable = fixture.serviceAt(address);
        for (const call of [() => unreachable.check([]), () => unreachable.read('a')])
          assert.match(await captureProblemText(call()), /^keychain_unavailable: no D-Bus session bus/);
      }
    });
  });
});
