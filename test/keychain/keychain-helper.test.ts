import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { HelperAnswer, HelperRequest } from '../../src/keychain/helper-messages.ts';
import { serveKeychain } from '../../src/keychain/keychain-helper.ts';
import { keychainItems } from '../../src/keychain/keychain-items.ts';
import { itemLocked, keyringLocked, libraryMissing } from '../../src/keychain/keychain-problems.ts';
import { KeytarFailure } from '../../src/keychain/keytar-library.ts';
import type { SecretService } from '../../src/keychain/secret-service.ts';
import { ProblemError } from '../../src/shared/errors.ts';
import { fakeKeytar, type FakeKeytar } from '../support/fake-keytar.ts';
import { realClock } from '../support/real-clock.ts';

/** The daemon's end of the channel. */
class FakeParent extends EventEmitter {
  #lastId = 0;

  send(answer: HelperAnswer): void {
    this.emit(`answer ${answer.id}`, answer);
  }

  async ask(request: HelperRequest): Promise<HelperAnswer> {
    const id = ++this.#lastId;
    const answer = new Promise<HelperAnswer>((resolve) => this.once(`answer ${id}`, resolve));
    this.emit('message', { id, ...request });
    return answer;
  }
}

/** A default keyring that is open or not, over the items of a fake keytar. */
class FakeSecretService implements SecretService {
  locked = false;
  elsewhere = false;
  readonly keytar: FakeKeytar;

  constructor(keytar: FakeKeytar) {
    this.keytar = keytar;
  }

  async check(): Promise<void> {
    this.keytar.calls.push('check');
    if (this.locked) throw new ProblemError(keyringLocked);
  }

  async has({ service, account }: Record<string, string>): Promise<boolean> {
    this.keytar.calls.push('has');
    if (this.locked) throw new ProblemError(keyringLocked);
    if (this.elsewhere) throw new ProblemError(itemLocked);
    return this.keytar.items.has(`${service}/${account}`);
  }

  async unlock(): Promise<void> {
    this.keytar.calls.push('unlock');
    this.locked = false;
  }
}

describe('keychain-helper', () => {
  let parent: FakeParent;
  let keytar: FakeKeytar;
  let service: FakeSecretService;
  let loadKeytar: () => Promise<FakeKeytar>;
  let deaths: number;

  beforeEach(() => {
    parent = new FakeParent();
    keytar = fakeKeytar();
    service = new FakeSecretService(keytar);
    loadKeytar = async () => keytar;
    deaths = 0;
  });

  function serve(
    platform: 'linux' | 'darwin' | 'win32' = 'linux',
    itemAtMostBytes: number | null = null,
  ): void {
    serveKeychain({
      parent,
      loadItems: async () => keychainItems(await loadKeytar(), itemAtMostBytes),
      secretService: platform === 'linux' ? service : null,
      clock: realClock(),
      die: () => void (deaths += 1),
    });
  }

  async function value(request: HelperRequest): Promise<string | null> {
    const answer = await parent.ask(request);
    assert.ok(answer.ok, JSON.stringify(answer));
    return answer.value;
  }

  async function refusal(request: HelperRequest): Promise<HelperAnswer & { ok: false }> {
    const answer = await parent.ask(request);
    assert.ok(!answer.ok);
    return answer;
  }

  it('writes, reads and removes', async () => {
    serve();
    assert.equal(await value({ op: 'read', key: 'k' }), null);
    await value({ op: 'write', key: 'k', value: 'v' });
    assert.deepEqual([...keytar.items], [['iam-tokend/k', 'v']]);
    assert.equal(await value({ op: 'read', key: 'k' }), 'v');
    await value({ op: 'remove', key: 'k' });
    assert.deepEqual([...keytar.items], []);
    await value({ op: 'remove', key: 'k' });
  });

  const everything: readonly HelperRequest[] = [
    { op: 'read', key: 'k' },
    { op: 'write', key: 'k', value: 'new' },
    { op: 'remove', key: 'k' },
    { op: 'state' },
  ];
  for (const request of everything) {
    it(`leaves keytar alone while the keyring is locked: ${request.op}`, async () => {
      keytar.items.set('iam-tokend/k', 'v');
      service.locked = true;
      serve();
      const { problem, spent } = await refusal(request);
      assert.deepEqual(problem, keyringLocked);
      assert.equal(spent, false);
      assert.deepEqual(keytar.calls, [request.op === 'state' ? 'check' : 'has']);
    });
  }

  for (const request of everything.slice(0, 3)) {
    it(`leaves keytar alone for an item in another keyring that is locked: ${request.op}`, async () => {
      service.elsewhere = true;
      serve();
      assert.match((await refusal(request)).problem.message, /keyring other than the default/);
      assert.deepEqual(keytar.calls, ['has']);
    });
  }

  it('asks keytar for nothing that is not there', async () => {
    serve();
    assert.equal(await value({ op: 'read', key: 'k' }), null);
    await value({ op: 'remove', key: 'k' });
    assert.deepEqual(keytar.calls, ['has', 'has']);
  });

  it('says locked, not absent, when the keyring was locked before keytar came to it', async () => {
    keytar.items.set('iam-tokend/k', 'v');
    keytar.before = () => {
      service.locked = true;
      keytar.items.delete('iam-tokend/k'); // keytar sees nothing in a locked keyring
    };
    serve();
    assert.deepEqual((await refusal({ op: 'read', key: 'k' })).problem, keyringLocked);
  });

  it('says absent when the item was removed before keytar came to it', async () => {
    keytar.items.set('iam-tokend/k', 'v');
    keytar.before = () => void keytar.items.delete('iam-tokend/k');
    serve();
    assert.equal(await value({ op: 'read', key: 'k' }), null);
  });

  it('says locked when keytar fails because the keyring was locked before it came', async () => {
    keytar.before = () => {
      service.locked = true;
      throw new Error('Cannot create an item in a locked collection');
    };
    serve();
    const { problem, spent } = await refusal({ op: 'write', key: 'k', value: 'v' });
    assert.deepEqual(problem, keyringLocked);
    assert.equal(spent, false);
  });

  it('opens a prompt for unlock alone', async () => {
    service.locked = true;
    serve();
    await value({ op: 'unlock' });
    assert.deepEqual(keytar.calls, ['unlock']);
    await value({ op: 'write', key: 'k', value: 'v' });
    assert.ok(!keytar.calls.slice(1).includes('unlock'));
  });

  it('says that it is spent when keytar fails in an open keyring, and repeats no secret', async () => {
    keytar.before = (call) => {
      throw new Error(`${call}\n refused: s3cret`);
    };
    serve();
    const answer = await refusal({ op: 'write', key: 'k', value: 's3cret' });
    assert.equal(answer.spent, true);
    assert.equal(answer.problem.code, 'keychain_unavailable');
    assert.match(answer.problem.message, /setPassword iam-tokend\/k refused: \[redacted\]$/);
    assert.doesNotMatch(JSON.stringify(answer), /s3cret/);
  });

  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    it(`says what is missing when keytar does not load on ${platform}`, async () => {
      loadKeytar = () => Promise.reject(new KeytarFailure(libraryMissing(platform)));
      serve(platform);
      for (const request of [{ op: 'state' }, { op: 'write', key: 'k', value: 'v' }] as const) {
        const { problem, spent } = await refusal(request);
        assert.equal(problem.code, 'keychain_unavailable');
        assert.equal(/apt-get install libsecret-1-0/.test(problem.hint ?? ''), platform === 'linux');
        // A service has no command line of the person's.
        assert.match(problem.hint ?? '', /--store file .*config\.yaml.*--store memory/);
        assert.equal(spent, true);
      }
    });
  }

  it('goes straight to keytar where there is no Secret Service, and is not spent by a refusal', async () => {
    serve('darwin');
    assert.equal(await value({ op: 'state' }), null);
    assert.equal(await value({ op: 'unlock' }), null);
    assert.equal(await value({ op: 'read', key: 'k' }), null);
    assert.deepEqual(keytar.calls, ['getPassword iam-tokend/k']);
    keytar.before = () => Promise.reject(new Error('User canceled the operation.'));
    const { problem, spent } = await refusal({ op: 'read', key: 'k' });
    assert.equal(problem.code, 'keychain_unavailable');
    assert.equal(spent, false); // or the daemon would ask the person a second time
  });

  it('splits a long value where an item has a limit', async () => {
    keytar = fakeKeytar(2_560);
    serve('win32', 2_560);
    const long = 'ä'.repeat(5_000);
    await value({ op: 'write', key: 'k', value: long });
    assert.equal(keytar.items.size, 4);
    assert.equal(await value({ op: 'read', key: 'k' }), long);
    await value({ op: 'remove', key: 'k' });
    assert.equal(keytar.items.size, 0);
  });

  it('calls what nobody foresaw internal', async () => {
    service.check = () => Promise.reject(new TypeError('oh'));
    serve();
    assert.deepEqual((await refusal({ op: 'state' })).problem, { code: 'internal', message: 'oh' });
  });

  it('dies with its parent, and of a message that is none', () => {
    serve();
    parent.emit('disconnect');
    assert.equal(deaths, 1);
    for (const message of [
      null,
      'read',
      {},
      { id: 1 },
      { id: 1, op: 'findCredentials' },
      { id: 1, op: 'read' },
    ]) {
      parent.emit('message', message);
    }
    parent.emit('message', { id: 1, op: 'write', key: 'k' });
    assert.equal(deaths, 8);
  });
});
