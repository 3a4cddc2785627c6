import assert from 'node:assert/strict';
import type { SecretService } from '../../../src/stores/secret-service/secret-service.ts';
import { collectionPath, type FakeSecretService } from '../../support/stores/fake-secret-service.ts';
import { SecretServiceFixture } from '../../support/stores/secret-service-fixture.ts';
import { captureProblem, captureProblemText } from '../../support/problems.ts';

describe('items in a Secret Service', () => {
  let fixture: SecretServiceFixture;
  let fake: FakeSecretService;
  let service: SecretService;

  beforeEach(async () => {
    fixture = await SecretServiceFixture.start();
    ({ fake, service } = fixture);
  });

  afterEach(() => fake.bus.stop());

  async function assertItemFails(key: string, expected: RegExp): Promise<void> {
    for (const problem of await fixture.listProblems(key)) assert.match(problem, expected);
  }

  describe('without an object for the default keyring', () => {
    it('A4: writes nothing in the background, although the alias names an open keyring', async () => {
      fake.hasAliasObject = false;
      const expected = /^keychain_unavailable: the keychain service has no default keyring/;
      assert.match(await captureProblemText(service.check(['a'])), expected);
      await assertItemFails('a', expected);
      for (const member of ['CreateItem', 'CreateCollection', 'Prompt'])
        assert.ok(!fake.listCalls().includes(member), member);
    });

    it('A4: creates it for a user who waits', async () => {
      fake.hasAliasObject = false;
      await fixture.unlock(['a'], 'write');
      await service.write('a', 'new', new AbortController().signal);
      assert.equal(fake.countPrompts(), 1);
      assert.equal(fake.items.length, 1);
    });

    it('A4: reports a service that does not create it', async () => {
      fake.hasAliasObject = false;
      fake.overrideReaction = ({ member }) =>
        member === 'CreateCollection' ? { signature: 'oo', body: [collectionPath('login'), '/'] } : undefined;
      assert.match(
        await captureProblemText(fixture.unlock(['a'], 'write')),
        /^keychain_unavailable: the keychain service has no default keyring/,
      );
    });
  });

  describe('that confirms single items', () => {
    it('A4: names an item that is locked in an open keyring, and does not read it in the background', async () => {
      fake.addItem('login', 'a', 'v', true);
      assert.match(
        await captureProblemText(service.read('a')),
        /^keychain_locked: this item needs your confirmation in some-keyring/,
      );
      assert.equal(await service.check(['a']), 'some-keyring');
      assert.ok(!fake.listCalls().includes('GetSecret'));
    });

    it('A4: asks for all items with one prompt, through the connection that reads them', async () => {
      for (const key of ['a', 'b', 'b.token']) fake.addItem('login', key, `value of ${key}`, true);
      await fixture.unlock(['a', 'b'], 'read', ['a.token', 'b.token']);
      assert.equal(fake.countPrompts(), 1);
      assert.deepEqual(await service.read('b.token'), { kind: 'value', value: 'value of b.token' });
      assert.equal(fake.bus.connectionCount(), 1);
    });

    it('A4: asks for no item that is in memory', async () => {
      fake.addItem('login', 'a', 'v', true);
      const items = { keys: ['a'], accessKeys: [], purpose: 'read' } as const;
      await service.unlock(items, new AbortController().signal);
      assert.equal(fake.countPrompts(), 0);
    });

    it('A4: shows no prompt for a write or a removal in the background, and tries no other', async () => {
      fake.confirmsItems = true;
      for (let i = 0; i < 2; i += 1)
        assert.match(
          await captureProblemText(service.write('a', 'new', null)),
          /^keychain_locked: some-keyring may ask you before each change/,
        );
      fake.addItem('login', 'b');
      assert.match(await captureProblemText(service.remove('b', null)), /some-keyring may ask you/);
      assert.deepEqual(
        fake.listCalls().filter((member) => ['CreateItem', 'Delete', 'Prompt'].includes(member)),
        ['CreateItem'],
      );
      assert.equal(await service.check([]), 'some-keyring');
    });

    it('A4: remembers a service that prompted a user', async () => {
      fake.confirmsItems = true;
      await service.write('a', 'old', new AbortController().signal);
      assert.equal(fake.countPrompts(), 1);
      fake.confirmsItems = false;
      assert.match(await captureProblemText(service.write('a', 'new', null)), /some-keyring may ask you/);
      assert.equal(fake.items[0]?.value, 'old');
    });

    it('A4: replaces and removes an item for a user who waits', async () => {
      fake.confirmsItems = true;
      fake.addItem('login', 'a', 'old', true);
      await fixture.unlock(['a'], 'write');
      await service.write('a', 'new', new AbortController().signal);
      assert.equal(fake.items[0]?.value, 'new');
      await fixture.unlock(['a'], 'remove');
      await service.remove('a', new AbortController().signal);
      assert.deepEqual(fake.items, []);
    });

    it('A4: keeps what the user refuses', async () => {
      fake.confirmsItems = true;
      fake.addItem('login', 'a', 'old', true);
      fake.user = 'dismisses';
      await fixture.unlock(['a']);
      assert.match(await captureProblemText(service.read('a')), /needs your confirmation/);
      assert.match(await captureProblemText(service.remove('a', new AbortController().signal)), /dismissed/);
      assert.equal(fake.items.length, 1);
    });
  });

  describe('that is KeePassXC', () => {
    beforeEach(() => (fixture.processName = 'keepassxc'));

    it('A4: writes nothing in the background, whatever its settings are', async () => {
      fake.addItem('login', 'a', 'old');
      for (const key of ['a', 'b'])
        assert.match(
          await captureProblemText(service.write(key, 'new', null)),
          /^keychain_locked: KeePassXC may ask you/,
        );
      assert.match(await captureProblemText(service.remove('a', null)), /^keychain_locked: KeePassXC/);
      assert.deepEqual(await service.read('a'), { kind: 'value', value: 'old' });
      assert.deepEqual([fake.items.length, fake.countPrompts()], [1, 0]);
    });

    it('A4: names its setting', async () => {
      fake.addItem('login', 'a', 'v', true);
      assert.match(
        (await captureProblem(service.read('a'))).hint ?? '',
        /^confirm it: iam-token unlock\n.*Secret Service Integration, "Confirm when passwords are retrieved/,
      );
    });

    it('A5: reports locked, not absent, for an item that may be in a locked database', async () => {
      fixture.setLocked('second');
      const expected = /^keychain_locked: the credential may be in a locked keyring: "second"$/m;
      assert.match(await captureProblemText(service.read('a')), expected);
      assert.match(await captureProblemText(service.remove('a', null)), expected);
      assert.match(await captureProblemText(service.check(['a'])), expected);
      assert.equal(await service.check([]), 'KeePassXC', 'for new items');
      await fixture.unlock(['a']);
      assert.equal(fake.countPrompts(), 1);
      assert.deepEqual(await service.read('a'), { kind: 'absent' });
    });

    it('A5: is open while a database that holds no item of iam-tokend is locked', async () => {
      fake.addItem('login', 'a');
      fixture.setLocked('second');
      assert.equal(await service.check(['a']), 'KeePassXC');
      assert.equal(await service.check(['a', 'of another profile']), 'KeePassXC');
    });

    it('A5: opens no other database for a new item', async () => {
      fixture.setLocked('second');
      await fixture.unlock(['a'], 'write');
      await service.write('a', 'new', new AbortController().signal);
      assert.equal(fake.countPrompts(), 0);
    });
  });

  describe('whose default keyring has changed', () => {
    beforeEach(() => {
      fake.addItem('login', 'a', 'old');
      fixture.setLocked('second', false);
      fake.defaultPath = collectionPath('second');
    });

    it('A5: reads, replaces and removes an item where it is', async () => {
      assert.deepEqual(await service.read('a'), { kind: 'open' });
      await service.write('a', 'new', null);
      assert.deepEqual(fixture.listItems(), [`${collectionPath('login')}/1 new`]);
      await service.remove('a', null);
      assert.deepEqual(fake.items, []);
    });

    it('A5: is closed while the keyring of an item is locked, names it, and unlocks it', async () => {
      fixture.setLocked('login');
      const expected = /^keychain_locked: the keyring "login", which holds the credential, is locked/;
      assert.match(await captureProblemText(service.check(['a'])), expected);
      await assertItemFails('a', expected);
      assert.equal(await service.check([]), null, 'for new items');
      await fixture.unlock(['a']);
      assert.deepEqual(fake.bus.calls.find(({ member }) => member === 'Unlock')?.body, [
        [collectionPath('login')],
      ]);
      assert.deepEqual(await service.read('a'), { kind: 'open' });
    });

    it('A5: is open while only the new default keyring is locked', async () => {
      fixture.setLocked('second');
      assert.equal(await service.check(['a']), null);
      await service.write('a', 'new', null);
      await fixture.unlock(['a'], 'read', ['a.token']);
      assert.equal(fake.countPrompts(), 0);
      assert.match(await captureProblemText(service.write('b', 'new', null)), /^keychain_locked/);
      assert.match(await captureProblemText(service.check([])), /^keychain_locked: the keyring is locked/);
    });

    it('A5: removes duplicates that 0.1.0 has created', async () => {
      fake.addItem('second', 'a', 'duplicate');
      await service.write('a', 'new', null);
      assert.deepEqual(fixture.listItems(), [`${collectionPath('login')}/1 new`]);
      fake.addItem('second', 'a', 'duplicate');
      await service.remove('a', null);
      assert.deepEqual(fake.items, []);
    });
  });
});
