import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import {
  openProfileRegistry as openIn,
  prepareConfigFolder,
  type ProfileRegistry,
  type ProfileEntry,
  randomId,
  type Registry,
} from '../../src/daemon/profile-registry.ts';
import { profileNamePattern } from '../../src/protocol/messages.ts';
import { ProblemError } from '../../src/shared/errors.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const entry: ProfileEntry = {
  kind: 'oauth',
  endpoint: 'https://iam.example.net',
  audience: 'https://iam.example.net/iam/v1/tokens',
  slot: '0123456789abcdef',
};

function openProfileRegistry(folder: string): ProfileRegistry {
  prepareConfigFolder(folder, process.getuid?.() ?? null);
  return openIn(folder);
}

describe('the configuration folder', () => {
  const folder = temporaryFolder();
  const uid = process.getuid?.() ?? 0;

  it('is made for its owner alone', () => {
    const path = join(folder(), 'made');
    prepareConfigFolder(path, uid);
    assert.equal(statSync(path).mode & 0o777, 0o700);
  });

  it('is refused when others can write to it, or when it is of somebody else', () => {
    const path = join(folder(), 'open');
    mkdirSync(path);
    chmodSync(path, 0o777);
    assert.throws(() => prepareConfigFolder(path, uid), /others can write .*chmod go-w/);
    chmodSync(path, 0o755);
    prepareConfigFolder(path, uid);
    if (uid === 0) chownSync(path, 65_534, 65_534);
    assert.throws(() => prepareConfigFolder(path, uid === 0 ? 1 : uid + 1), /somebody else/);
  });
});

describe('the list of profiles', () => {
  const folder = temporaryFolder();
  const config = (): string => join(folder(), 'config');
  const file = (): string => join(config(), 'profiles.json');

  const withProfile =
    (name: string) =>
    (before: Registry): Registry => ({ ...before, profiles: { ...before.profiles, [name]: entry } });

  it('is empty at first, with an instance of its own, and writes nothing', () => {
    const registry = openProfileRegistry(config());
    const { instance, ...rest } = registry.current();
    assert.match(instance, /^[0-9a-f]{16}$/);
    assert.deepEqual(rest, { version: 1, default: null, profiles: {}, discarded: [] });
    assert.deepEqual(readdirSync(config()), []);
    assert.equal(statSync(config()).mode & 0o777, 0o700);
  });

  it('is the same when it is opened again', async () => {
    const registry = openProfileRegistry(config());
    const slot = randomId();
    await registry.change((before) => ({
      ...withProfile('work')(before),
      default: 'work',
      discarded: [slot],
    }));
    const expected = {
      version: 1,
      instance: registry.current().instance,
      default: 'work',
      profiles: { work: entry },
      discarded: [slot],
    };
    assert.deepEqual(registry.current(), expected);
    assert.deepEqual(openProfileRegistry(config()).current(), expected);
  });

  it('gives back a profile of any name that there may be', async () => {
    const names = fc
      .oneof(
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 64 }),
        fc.constantFrom(
          '__proto__',
          'constructor',
          'prototype',
          'toString',
          'hasOwnProperty',
          '0',
          '-1',
          ' ',
        ),
      )
      .filter((name) => profileNamePattern.test(name));
    await fc.assert(
      fc.asyncProperty(names, async (name) => {
        await openProfileRegistry(config()).change((before) => ({
          ...withProfile(name)(before),
          default: name,
        }));
        const { default: found, profiles } = openProfileRegistry(config()).current();
        assert.equal(found, name);
        assert.deepEqual(Object.entries(profiles).find(([key]) => key === name)?.[1], entry);
      }),
      { numRuns: 100 },
    );
  });

  it('is for nobody but its owner, and leaves nothing beside it', async () => {
    const umask = process.umask(0);
    try {
      await openProfileRegistry(config()).change(withProfile('work'));
    } finally {
      process.umask(umask);
    }
    assert.equal(statSync(file()).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(config()), ['profiles.json']);
  });

  it('takes changes that come at once one after the other', async () => {
    const registry = openProfileRegistry(config());
    await Promise.all(Array.from({ length: 20 }, (_, i) => registry.change(withProfile(`p${i}`))));
    assert.equal(Object.keys(registry.current().profiles).length, 20);
    assert.equal(Object.keys(openProfileRegistry(config()).current().profiles).length, 20);
  });

  it('has not changed when the disk did not take it, says so, and takes the next change', async () => {
    const registry = openProfileRegistry(config());
    await registry.change(withProfile('first'));
    const text = readFileSync(file(), 'utf8');
    mkdirSync(`${file()}.new`);
    await assert.rejects(
      registry.change(withProfile('second')),
      (error) =>
        error instanceof ProblemError &&
        error.problem.code === 'internal' &&
        error.message.startsWith(`${file()} cannot be written: EISDIR`),
    );
    assert.deepEqual(Object.keys(registry.current().profiles), ['first']);
    assert.equal(readFileSync(file(), 'utf8'), text);
    rmdirSync(`${file()}.new`);
    await registry.change(withProfile('third'));
    assert.deepEqual(Object.keys(openProfileRegistry(config()).current().profiles), ['first', 'third']);
  });

  it('passes over what a killed writer left behind', async () => {
    await openProfileRegistry(config()).change(withProfile('work'));
    writeFileSync(`${file()}.new`, '{"half":');
    const registry = openProfileRegistry(config());
    assert.deepEqual(Object.keys(registry.current().profiles), ['work']);
    await registry.change(withProfile('home'));
    assert.deepEqual(readdirSync(config()), ['profiles.json']);
  });

  it('is the old file or the new one at every moment', async () => {
    const registry = openProfileRegistry(config());
    await registry.change(withProfile('p0'));
    let over = false;
    const changes = Promise.all(
      Array.from({ length: 30 }, (_, i) => registry.change(withProfile(`p${i}`))),
    ).finally(() => (over = true));
    let seen = 0;
    while (!over) {
      seen += Object.keys(openProfileRegistry(config()).current().profiles).length > 0 ? 1 : 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await changes;
    assert.ok(seen > 0);
  });

  const good = { version: 1, instance: randomId(), default: null, profiles: {}, discarded: [] };
  const broken: readonly (readonly [what: string, text: string])[] = [
    ['nothing', ''],
    ['half a file', JSON.stringify(good).slice(0, 40)],
    ['another version', JSON.stringify({ ...good, version: 2 })],
    ['a list', '[]'],
    ['null', 'null'],
    ['no instance', JSON.stringify({ ...good, instance: undefined })],
    ['an instance that is a path', JSON.stringify({ ...good, instance: '../../../../etc' })],
    ['a slot that is a path', JSON.stringify({ ...good, profiles: { a: { ...entry, slot: '../x' } } })],
    ['a profile with a name that none has', JSON.stringify({ ...good, profiles: { 'a/b': entry } })],
    [
      'a profile without an endpoint',
      JSON.stringify({ ...good, profiles: { a: { ...entry, endpoint: undefined } } }),
    ],
  ];
  for (const [what, text] of broken) {
    it(`is left alone, and named, when the file holds ${what}`, () => {
      mkdirSync(config());
      writeFileSync(file(), text);
      assert.throws(
        () => openProfileRegistry(config()),
        (error) =>
          error instanceof Error &&
          error.message === `${file()} cannot be read as a list of profiles; put it right or move it away`,
      );
      assert.equal(readFileSync(file(), 'utf8'), text);
    });
  }
});
