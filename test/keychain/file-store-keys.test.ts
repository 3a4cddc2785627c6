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
import { diskError, watchedDisk } from '../support/failing-disk.ts';
import { itIsACredentialStore } from './store-contract.ts';
import { fileStores, read, right, startAnew, write } from '../support/file-stores.ts';

describe('file-store, opened by a key', () => {
  const { folder, home, path, keyPath, store, keyStore, credentialStore, unlocked, said, saidByState } =
    fileStores();

  describe('with a key file', () => {
    describe('as any store', () => itIsACredentialStore(() => keyStore()));

    it('is open from the start, and takes no passphrase', async () => {
      const fresh = keyStore();
      assert.deepEqual(await fresh.state(), { kind: 'open' });
      assert.equal(await read(fresh, 'a'), null);
      await fresh.remove('a', 'unasked');
      assert.deepEqual(readdirSync(folder()), []);
      assert.equal(
        await said(fresh.unlock(right)),
        'bad_request: the file store opens with a key of its own and takes no passphrase | ' +
          'for a passphrase, set file.key to passphrase in config.yaml',
      );
    });

    it('makes a key of 32 bytes with the store, and none ever after', async () => {
      await write(keyStore(), 'a', 'one');
      assert.equal(statSync(keyPath()).mode & 0o777, 0o600);
      const key = readFileSync(keyPath());
      assert.equal(key.length, 32);
      await write(keyStore(), 'a', 'two');
      assert.deepEqual(readFileSync(keyPath()), key);
      assert.equal(await read(keyStore(), 'a'), 'two');

      renameSync(keyPath(), `${keyPath()}.away`);
      const missing = `keychain_unavailable: the key file /key is missing, and the file store needs it | put it back, or ${startAnew}`;
      assert.equal(await saidByState(keyStore()), missing);
      assert.equal(await said(write(keyStore(), 'a', 'three')), missing);
      assert.equal(existsSync(keyPath()), false);
      renameSync(`${keyPath()}.away`, keyPath());
      assert.equal(await read(keyStore(), 'a'), 'two');
    });

    it('takes the key that a person has made, by the command that is documented', async () => {
      const command = /`(\(umask .*)`/.exec(readFileSync('src/keychain/key-file.ts', 'utf8'))?.[1] ?? '';
      spawnSync('sh', ['-c', command.replace('PATH)', `'${keyPath()}')`)]);
      const key = readFileSync(keyPath());
      await write(keyStore(), 'a', 'one');
      assert.deepEqual(readFileSync(keyPath()), key);
      assert.equal(await read(keyStore(), 'a'), 'one');
    });

    it('names a folder that is missing', async () => {
      const lost = store({ key: { kind: 'key-file', path: join(folder(), 'lost', 'key') } });
      assert.equal(
        await said(write(lost, 'a', 'one')),
        "keychain_unavailable: the key file /lost/key has no folder to lie in | mkdir -p -m 700 '/lost'",
      );
      assert.equal(existsSync(home()), false);
    });

    it('leaves no half of a key behind', async () => {
      const full = watchedDisk((call, about) => {
        if (call === 'sync' && about === keyPath()) throw diskError('ENOSPC');
      });
      assert.equal(
        await said(write(keyStore({ fs: full }), 'a', 'one')),
        "keychain_unavailable: there is no room for the key file /key | make some: df -h ''",
      );
      assert.deepEqual(readdirSync(folder()), []);
    });

    const faults: Readonly<Record<string, readonly [fault: () => void, sentence: string]>> = {
      'another key': [
        () => writeFileSync(keyPath(), Buffer.alloc(32, 1)),
        'the key file /key does not open the file store /iam-tokend/store | ' +
          `put back the key that the store was made with, or ${startAnew}`,
      ],
      'a short key': [
        () => truncateSync(keyPath(), 31),
        'the key file /key has 31 bytes, and a key has 32 random bytes or more | ' +
          "if no store was made with it, rm '/key' and iam-tokend makes another",
      ],
      'a key that is none': [
        () => truncateSync(keyPath(), 4_097),
        "the key file /key is larger than it can be (4097 bytes) | see what it is: ls -ld '/key'",
      ],
      'a key that is open to others': [
        () => chmodSync(keyPath(), 0o640),
        "the key file /key is open to others (mode 0640) | chmod 600 '/key'",
      ],
      'a link': [
        () => {
          renameSync(keyPath(), `${keyPath()}.real`);
          symlinkSync(`${keyPath()}.real`, keyPath());
        },
        "the key file /key is a link | to put the file itself there: mv \"$(readlink -f '/key')\" '/key'",
      ],
    };
    for (const [name, [fault, sentence]] of Object.entries(faults)) {
      it(`names ${name}, and loses nothing`, async () => {
        await write(keyStore(), 'a', 'one');
        const before = readFileSync(path());
        copyFileSync(keyPath(), `${keyPath()}.copy`);
        fault();
        assert.equal(await saidByState(keyStore()), `keychain_unavailable: ${sentence}`);
        assert.equal(await said(write(keyStore(), 'a', 'two')), `keychain_unavailable: ${sentence}`);
        assert.deepEqual(readFileSync(path()), before);
        rmSync(keyPath());
        renameSync(`${keyPath()}.copy`, keyPath());
        assert.equal(await read(keyStore(), 'a'), 'one');
      });
    }
  });

  describe('with a systemd credential', () => {
    beforeEach(() => writeFileSync(keyPath(), Buffer.alloc(40, 'k'), { mode: 0o440 }));

    describe('as any store', () => itIsACredentialStore(() => credentialStore()));

    it('opens with what was a key file before', async () => {
      await write(credentialStore(), 'a', 'one');
      chmodSync(keyPath(), 0o600);
      assert.equal(await read(keyStore(), 'a'), 'one');
    });

    it('names a credential that was not given, and asks for nothing outside its folder', async () => {
      const sentence = (name: string): string =>
        `keychain_unavailable: the daemon was given no systemd credential ${name} | ` +
        `add LoadCredential=${name}:PATH to the unit: systemctl edit iam-tokend (systemctl --user for one of your own)`;
      assert.equal(await saidByState(credentialStore('other')), sentence('other'));
      assert.equal(await saidByState(credentialStore('key', null)), sentence('key'));
      assert.equal(await saidByState(credentialStore('../key', home())), sentence('../key'));
      assert.equal(await saidByState(credentialStore('..', home())), sentence('..'));
      assert.equal(existsSync(home()), false);
    });

    it('names a short one', async () => {
      chmodSync(keyPath(), 0o600);
      truncateSync(keyPath(), 3);
      assert.equal(
        await saidByState(credentialStore()),
        'keychain_unavailable: the systemd credential key has 3 bytes, and a key has 32 random bytes or more | ' +
          '(umask 077; head -c 32 /dev/urandom > PATH), and name PATH in LoadCredential=',
      );
    });
  });

  it('does not open with the other kind of key', async () => {
    await write(keyStore(), 'a', 'one');
    const madeWithKey =
      'keychain_unavailable: the file store /iam-tokend/store was made with a key file or a systemd credential, ' +
      `and file.key is passphrase | name that key as file.key in config.yaml, or ${startAnew}`;
    assert.equal(await saidByState(store()), madeWithKey);
    assert.equal(await said(store().unlock(right)), madeWithKey);
    rmSync(path());
    await unlocked();
    assert.equal(
      await saidByState(keyStore()),
      'keychain_unavailable: the file store /iam-tokend/store was made with a passphrase, and file.key names ' +
        `another key | set file.key to passphrase in config.yaml, or ${startAnew}`,
    );
  });
});
