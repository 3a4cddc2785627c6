import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { HelperResponse, HelperRequest } from '../../../src/stores/keychain/helper-messages.ts';
import { serveKeychain } from '../../../src/stores/keychain/keychain-helper.ts';
import { createKeychainItems } from '../../../src/stores/keychain/keychain-items.ts';
import { keyringLocked, libraryLoadFailed } from '../../../src/stores/keychain/keychain-problems.ts';
import { KeytarError } from '../../../src/stores/keychain/keytar-library.ts';
import type { ReadResult, SecretService } from '../../../src/stores/secret-service/secret-service.ts';
import { IamTokenError } from '../../../src/shared/errors.ts';
import { formatHint } from '../../../src/shared/hint.ts';
import { createFakeKeytar, type FakeKeytar } from '../../support/stores/fake-keytar.ts';
import { createRealClock } from '../../support/time/real-clock.ts';

/** The daemon's end of the IPC channel. */
class FakeParent extends EventEmitter {
  #lastId = 0;

  send(response: HelperResponse): void {
    this.emit(`answer ${response.id}`, response);
  }

  async call(request: HelperRequest): Promise<HelperResponse> {
    const id = ++this.#lastId;
    const response = new Promise<HelperResponse>((resolve) => this.once(`answer ${id}`, resolve));
    this.emit('message', { id, ...request });
    return response;
  }
}

/** A keychain with the items of a fake keytar. */
class FakeSecretService implements SecretService {
  isLocked = false;
  /** Items that keytar must not read. */
  confirmsItems = false;
  readonly calls: string[] = [];
  readonly keytar: FakeKeytar;

  constructor(keytar: FakeKeytar) {
    this.keytar = keytar;
  }

  async check(): Promise<string | null> {
    this.#record('check');
    return this.confirmsItems ? 'KeePassXC' : null;
  }

  async unlock(): Promise<void> {
    this.calls.push('unlock');
    this.isLocked = false;
  }

  async read(key: string): Promise<ReadResult> {
    this.#record('read');
    const value = this.keytar.items.get(`iam-tokend/${key}`);
    if (value === undefined) return { kind: 'absent' };
    return this.confirmsItems ? { kind: 'value', value } : { kind: 'open' };
  }

  async write(key: string, text: string, promptSignal: AbortSignal | null): Promise<void> {
    this.#record(promptSignal === null ? 'write' : 'write with a prompt');
    this.keytar.items.set(`iam-tokend/${key}`, text);
  }

  async remove(key: string, promptSignal: AbortSignal | null): Promise<void> {
    this.#record(promptSignal === null ? 'remove' : 'remove with a prompt');
    this.keytar.items.delete(`iam-tokend/${key}`);
  }

  #record(call: string): void {
    this.calls.push(call);
    if (this.isLocked) throw new IamTokenError(keyringLocked);
  }
}

describe('keychain-helper', () => {
  let parent: FakeParent;
  let keytar: FakeKeytar;
  let service: FakeSecretService;
  let loadKeytar: () => Promise<FakeKeytar>;
  let killCount: number;

  beforeEach(() => {
    parent = new FakeParent();
    keytar = createFakeKeytar();
    service = new FakeSecretService(keytar);
    loadKeytar = async () => keytar;
    killCount = 0;
  });

  function serve(platform: 'linux' | 'darwin' | 'win32' = 'linux', maxItemBytes: number | null = null): void {
    serveKeychain({
      parent,
      loadItems: async () => createKeychainItems(await loadKeytar(), maxItemBytes),
      secretService: platform === 'linux' ? service : null,
      clock: createRealClock(),
      killSelf: () => void (killCount += 1),
    });
  }

  async function value(request: HelperRequest): Promise<string | null> {
    const response = await parent.call(request);
    assert.ok(response.ok, JSON.stringify(response));
    return response.value;
  }

  async function failedResponse(request: HelperRequest): Promise<HelperResponse & { ok: false }> {
    const response = await parent.call(request);
    assert.ok(!response.ok);
    return response;
  }

  const read = { op: 'read', key: 'k' } as const;
  const write = { op: 'write', key: 'k', value: 'v', isInteractive: false } as const;
  const remove = { op: 'remove', key: 'k', isInteractive: false } as const;
  const state = { op: 'state', keys: [] } as const;

  it('writes, reads and removes', async () => {
    serve();
    assert.equal(await value(read), null);
    await value(write);
    assert.deepEqual([...keytar.items], [['iam-tokend/k', 'v']]);
    assert.equal(await value(read), 'v');
    await value(remove);
    assert.deepEqual([...keytar.items], []);
    await value(remove);
  });

  for (const request of [read, write, remove, state] as const) {
    it(`does not call keytar while the keyring is locked: ${request.op}`, async () => {
      keytar.items.set('iam-tokend/k', 'v');
      service.isLocked = true;
      serve();
      const { problem, restartHelper } = await failedResponse(request);
      assert.deepEqual(problem, keyringLocked);
      assert.equal(restartHelper, false);
      assert.deepEqual(keytar.calls, []);
    });
  }

  it('A4: calls keytar only to read an open item of a service that confirms none', async () => {
    serve();
    await value(read);
    await value(write);
    await value(remove);
    assert.deepEqual(keytar.calls, []);
    await value(write);
    service.confirmsItems = true;
    assert.equal(await value(read), 'v');
    assert.deepEqual(keytar.calls, []);
    service.confirmsItems = false;
    assert.equal(await value(read), 'v');
    assert.deepEqual(keytar.calls, ['getPassword iam-tokend/k']);
  });

  it('A4: returns the name of a service that confirms items as its state', async () => {
    serve();
    assert.equal(await value(state), null);
    service.confirmsItems = true;
    assert.equal(await value(state), 'KeePassXC');
  });

  it('A4: shows prompts only for an interactive request', async () => {
    serve();
    await value(write);
    await value({ ...write, isInteractive: true });
    await value({ ...remove, isInteractive: true });
    assert.deepEqual(service.calls, ['write', 'write with a prompt', 'remove with a prompt']);
  });

  it('reports locked, not missing, when the keyring is locked just before the call of keytar', async () => {
    keytar.items.set('iam-tokend/k', 'v');
    keytar.beforeCall = () => {
      service.isLocked = true;
      keytar.items.delete('iam-tokend/k'); // keytar finds no items in a locked keyring
    };
    serve();
    assert.deepEqual((await failedResponse(read)).problem, keyringLocked);
  });

  it('reports missing when the item is removed just before the call of keytar', async () => {
    keytar.items.set('iam-tokend/k', 'v');
    keytar.beforeCall = () => void keytar.items.delete('iam-tokend/k');
    serve();
    assert.equal(await value(read), null);
  });

  it('opens a prompt only for unlock', async () => {
    service.isLocked = true;
    serve();
    await value({ op: 'unlock', keys: ['k'], accessKeys: [], purpose: 'read' });
    await value(write);
    assert.deepEqual(service.calls, ['unlock', 'write']);
  });

  it('requests a restart when keytar fails in an open keyring', async () => {
    keytar.items.set('iam-tokend/k', 'v');
    keytar.beforeCall = (call) => {
      throw new Error(`${call}\n refused`);
    };
    serve();
    const response = await failedResponse(read);
    assert.equal(response.restartHelper, true);
    assert.equal(response.problem.code, 'keychain_unavailable');
    assert.match(response.problem.message, /getPassword iam-tokend\/k refused$/);
  });

  it('redacts the secret in an error of keytar', async () => {
    keytar.beforeCall = (call) => {
      throw new Error(`${call} refused: s3cret`);
    };
    serve('darwin');
    const response = await failedResponse({ ...write, value: 's3cret' });
    assert.match(response.problem.message, /setPassword iam-tokend\/k refused: \[redacted\]$/);
    assert.doesNotMatch(JSON.stringify(response), /s3cret/);
  });

  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    it(`reports how to install what keytar needs on ${platform}`, async () => {
      loadKeytar = () => Promise.reject(new KeytarError(libraryLoadFailed(platform)));
      serve(platform);
      for (const request of [state, write] as const) {
        const { problem, restartHelper } = await failedResponse(request);
        assert.equal(problem.code, 'keychain_unavailable');
        assert.equal(
          /apt-get install libsecret-1-0/.test(formatHint(problem.hint ?? '')),
          platform === 'linux',
        );
        // A service has no command line, so the hint names config.yaml too.
        assert.match(formatHint(problem.hint ?? ''), /config\.yaml.*--store file.*--store memory/s);
        assert.equal(restartHelper, true);
      }
    });
  }

  it('calls keytar directly without a Secret Service, and requests no restart after a failure', async () => {
    serve('darwin');
    assert.equal(await value(state), null);
    assert.equal(await value(read), null);
    assert.deepEqual(keytar.calls, ['getPassword iam-tokend/k']);
    keytar.beforeCall = () => Promise.reject(new Error('User canceled the operation.'));
    const { problem, restartHelper } = await failedResponse(read);
    assert.equal(problem.code, 'keychain_unavailable');
    assert.equal(restartHelper, false); // a restart would open a second prompt
  });

  it('splits a long value where items are limited', async () => {
    keytar = createFakeKeytar(2_560);
    serve('win32', 2_560);
    const long = 'ä'.repeat(5_000);
    await value({ ...write, value: long });
    assert.equal(keytar.items.size, 4);
    assert.equal(await value(read), long);
    await value(remove);
    assert.equal(keytar.items.size, 0);
  });

  it('reports an unexpected error as internal', async () => {
    service.check = () => Promise.reject(new TypeError('oh'));
    serve();
    assert.deepEqual((await failedResponse(state)).problem, { code: 'internal', message: 'oh' });
  });

  it('exits when its parent disconnects or sends an invalid message', () => {
    serve();
    parent.emit('disconnect');
    assert.equal(killCount, 1);
    for (const message of [
      null,
      'read',
      {},
      { id: 1 },
      { id: 1, op: 'findCredentials' },
      { id: 1, op: 'read' },
      { id: 1, op: 'state' },
      { id: 1, op: 'unlock', keys: ['k'], accessKeys: [], purpose: 'all' },
      { id: 1, op: 'remove', key: 'k' },
    ]) {
      parent.emit('message', message);
    }
    parent.emit('message', { id: 1, op: 'write', key: 'k' });
    assert.equal(killCount, 11);
  });
});
