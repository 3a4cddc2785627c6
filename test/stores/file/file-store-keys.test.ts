import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createFileError, interceptFileCalls } from '../../support/stores/intercept-file-calls.ts';
import { describeCredentialStore } from '../credential-store-contract.ts';
import {
  useFileStores,
  readItem,
  correctPassphrase,
  newStoreHint,
  writeItem,
} from '../../support/stores/file-stores.ts';

describe('file-store with a key', () => {
  const {
    folder,
    storeFolder,
    path,
    keyPath,
    createStore,
    createKeyFileStore,
    createSystemdStore,
    createUnlockedStore,
    problemTextOf,
    stateTextOf,
  } = useFileStores();

  describe('with a key file', () => {
    describe('as a credential store', () => describeCredentialStore(() => createKeyFileStore()));

    it('is open from the start and takes no passphrase', async () => {
      const newStore = createKeyFileStore();
      assert.deepEqual(await newStore.state(), { kind: 'open' });
      assert.equal(await readItem(newStore, 'a'), null);
      await newStore.remove('a', 'background');
      assert.deepEqual(readdirSync(folder()), []);
      assert.equal(
        await problemTextOf(newStore.unlock(correctPassphrase)),
        'bad_request: the file store opens with its own key and takes no passphrase | ' +
          'to use a passphrase, set "file: { key: passphrase }" in config.yaml',
      );
    });

    it('creates a key of 32 bytes with the store, and never another', async () => {
      await writeItem(createKeyFileStore(), 'a', 'one');
      assert.equal(statSync(keyPath()).mode & 0o777, 0o600);
      const key = readFileSync(keyPath());
      assert.equal(key.length, 32);
      await writeItem(createKeyFileStore(), 'a', 'two');
      assert.deepEqual(readFileSync(keyPath()), key);
      assert.equal(await readItem(createKeyFileStore(), 'a'), 'two');

      renameSync(keyPath(), `${keyPath()}.away`);
      const missingKeyMessage = `keychain_unavailable: the key file /key does not exist, and the file store /iam-tokend/store needs it | restore it\nif it is lost, ${newStoreHint}`;
      assert.equal(await stateTextOf(createKeyFileStore()), missingKeyMessage);
      assert.equal(await problemTextOf(writeItem(createKeyFileStore(), 'a', 'three')), missingKeyMessage);
      assert.equal(existsSync(keyPath()), false);
      renameSync(`${keyPath()}.away`, keyPath());
      assert.equal(await readItem(createKeyFileStore(), 'a'), 'two');
    });

    it('uses a key that was created with the documented command', async () => {
      const command = /`(\(umask .*)`/.exec(readFileSync('src/stores/file/key-file.ts', 'utf8'))?.[1] ?? '';
      spawnSync('sh', ['-c', command.replace('PATH)', `'${keyPath()}')`)]);
      const key = readFileSync(keyPath());
      await writeItem(createKeyFileStore(), 'a', 'one');
      assert.deepEqual(readFileSync(keyPath()), key);
      assert.equal(await readItem(createKeyFileStore(), 'a'), 'one');
    });

    it('reports a missing folder', async () => {
      const storeWithLostKey = createStore({
        key: { kind: 'key-file', path: join(folder(), 'lost', 'key') },
      });
      assert.equal(
        await problemTextOf(writeItem(storeWithLostKey, 'a', 'one')),
        "keychain_unavailable: cannot write the key file /lost/key: its folder does not exist | mkdir -p -m 700 '/lost'",
      );
      assert.equal(existsSync(storeFolder()), false);
    });

    it('leaves no part of a key on a full disk', async () => {
      const full = interceptFileCalls((call, about) => {
        if (call === 'sync' && about === keyPath()) throw createFileError('ENOSPC');
      });
      assert.equal(
        await problemTextOf(writeItem(createKeyFileStore({ fs: full }), 'a', 'one')),
        "keychain_unavailable: cannot write the key file /key: no space left | df -h ''",
      );
      assert.deepEqual(readdirSync(folder()), []);
    });

    const defectCases: Readonly<Record<string, readonly [fault: () => void, sentence: string]>> = {
      'another key': [
        () => writeFileSync(keyPath(), Buffer.alloc(32, 1)),
        'the key file /key does not open the file store /iam-tokend/store | ' +
          `restore the key that the store was created with\nif it is lost, ${newStoreHint}`,
      ],
      'a short key': [
        () => truncateSync(keyPath(), 31),
        'the key file /key is too short (31 bytes; the minimum is 32) | ' +
          "if no store uses it, iam-tokend can create another: rm '/key'",
      ],
      'a long key': [
        () => truncateSync(keyPath(), 4_097),
        "the key file /key is too large (4097 bytes; the limit is 4096) | mv '/key' '/key.old'",
      ],
      'a key that other users can read': [
        () => chmodSync(keyPath(), 0o640),
        "the key file /key is accessible to other users (mode 0640) | chmod 600 '/key'",
      ],
      'a link': [
        () => {
          renameSync(keyPath(), `${keyPath()}.real`);
          symlinkSync(`${keyPath()}.real`, keyPath());
        },
        "the key file /key is a symbolic link | mv \"$(readlink -f '/key')\" '/key'",
      ],
    };
    for (const [name, [damageKey, sentence]] of Object.entries(defectCases)) {
      it(`reports ${name}, and keeps the store`, async () => {
        await writeItem(createKeyFileStore(), 'a', 'one');
        const before = readFileSync(path());
        copyFileSync(keyPath(), `${keyPath()}.copy`);
        damageKey();
        assert.equal(await stateTextOf(createKeyFileStore()), `keychain_unavailable: ${sentence}`);
        assert.equal(
          await problemTextOf(writeItem(createKeyFileStore(), 'a', 'two')),
          `keychain_unavailable: ${sentence}`,
        );
        assert.deepEqual(readFileSync(path()), before);
        rmSync(keyPath());
        renameSync(`${keyPath()}.copy`, keyPath());
        assert.equal(await readItem(createKeyFileStore(), 'a'), 'one');
      });
    }
  });

  describe('with a systemd credential', () => {
    beforeEach(() => writeFileSync(keyPath(), Buffer.alloc(40, 'k'), { mode: 0o440 }));

    describe('as a credential store', () => describeCredentialStore(() => createSystemdStore()));

    it('opens a store that was created with the same key as a credential', async () => {
      await writeItem(createSystemdStore(), 'a', 'one');
      chmodSync(keyPath(), 0o600);
      assert.equal(await readItem(createKeyFileStore(), 'a'), 'one');
    });

    it('reports a missing credential, and reads nothing outside its folder', async () => {
      const sentence = (name: string): string =>
        `keychain_unavailable: the daemon has no systemd credential ${name} | ` +
        `add LoadCredential=${name}:PATH to the unit: systemctl --user edit iam-tokend\n` +
        'for a system-wide daemon: systemctl edit iam-tokend';
      assert.equal(await stateTextOf(createSystemdStore('other')), sentence('other'));
      assert.equal(await stateTextOf(createSystemdStore('key', null)), sentence('key'));
      assert.equal(await stateTextOf(createSystemdStore('../key', storeFolder())), sentence('../key'));
      assert.equal(await stateTextOf(createSystemdStore('..', storeFolder())), sentence('..'));
      assert.equal(existsSync(storeFolder()), false);
    });

    it('reports a short credential', async () => {
      chmodSync(keyPath(), 0o600);
      truncateSync(keyPath(), 3);
      assert.equal(
        await stateTextOf(createSystemdStore()),
        'keychain_unavailable: the systemd credential key is too short (3 bytes; the minimum is 32) | ' +
          'create a key, and name PATH in LoadCredential=: (umask 077; head -c 32 /dev/urandom > PATH)',
      );
    });
  });

  it('does not open with another kind of key', async () => {
    await writeItem(createKeyFileStore(), 'a', 'one');
    const keyMismatchMessage =
      'keychain_unavailable: the file store /iam-tokend/store was created with a key, but config.yaml names none | ' +
      `set "file: { key-file: PATH }" or "file: { credential: NAME }" in config.yaml\nor ${newStoreHint}`;
    assert.equal(await stateTextOf(createStore()), keyMismatchMessage);
    assert.equal(await problemTextOf(createStore().unlock(correctPassphrase)), keyMismatchMessage);
    rmSync(path());
    await createUnlockedStore();
    assert.equal(
      await stateTextOf(createKeyFileStore()),
      'keychain_unavailable: the file store /iam-tokend/store was created with a passphrase, but config.yaml names ' +
        `a key | set "file: { key: passphrase }" in config.yaml\nor ${newStoreHint}`,
    );
  });
});
