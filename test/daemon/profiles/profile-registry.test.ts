import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import {
  openProfileRegistry as openIn,
  type ProfileRegistry,
  type ProfileEntry,
  createRandomId,
  type Registry,
} from '../../../src/daemon/profiles/profile-registry.ts';
import { systemFiles } from '../../../src/files/file-system.ts';
import { ensureTrustedFolder } from '../../../src/files/folders.ts';
import { isProfileName } from '../../../src/protocol/limits.ts';
import { IamTokenError } from '../../../src/shared/errors.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const entry: ProfileEntry = {
  kind: 'oauth',
  endpoint: 'https://iam.example.net',
  audience: 'https://iam.example.net/iam/v1/tokens',
  slot: '0123456789abcdef',
};

const uid = process.getuid?.() ?? null;

async function openProfileRegistry(path: string): Promise<ProfileRegistry> {
  await ensureTrustedFolder({ path, name: 'the configuration folder' }, systemFiles(uid));
  return openIn(path, uid);
}

describe('profile registry', () => {
  const folder = useTemporaryFolder();
  const config = (): string => join(folder(), 'config');
  const file = (): string => join(config(), 'profiles.json');

  const readRegistry = async (): Promise<Registry> => (await openProfileRegistry(config())).current;

  const withProfile =
    (name: string) =>
    (before: Registry): Registry => ({ ...before, profiles: { ...before.profiles, [name]: entry } });

  it('starts empty, with a new instance id, and writes nothing', async () => {
    const registry = await openProfileRegistry(config());
    const { instance, ...rest } = registry.current;
    assert.match(instance, /^[0-9a-f]{16}$/);
    assert.deepEqual(rest, { version: 1, default: null, profiles: {}, discarded: [] });
    assert.deepEqual(readdirSync(config()), []);
    assert.equal(statSync(config()).mode & 0o777, 0o700);
  });

  it('18.7: trims the names of version 0.1.0, and numbers those that are taken or empty', async () => {
    await (
      await openProfileRegistry(config())
    ).update((before) => ({
      ...before,
      default: ' work',
      profiles: Object.fromEntries(
        [' work', 'work', 'home\u00a0', '  ', ' __proto__', `${'x'.repeat(63)} `, 'x'.repeat(63)].map(
          (name, index) => [name, { ...entry, slot: `${index}`.repeat(16) }],
        ),
      ),
    }));
    const registry = await openIn(config(), uid);
    const slots = Object.entries(registry.current.profiles).map(([name, { slot }]) => [name, slot[0]]);
    const expected = [
      ...['work-2', 'work', 'home', 'profile', 'profile-2'],
      ...[`${'x'.repeat(58)}-2`, 'x'.repeat(63)],
    ];
    assert.deepEqual(
      slots,
      expected.map((name, index) => [name, `${index}`]),
    );
    assert.equal(registry.current.default, 'work-2');
    assert.equal(registry.renamed.get(' work'), 'work-2');
    const again = await openIn(config(), uid);
    assert.deepEqual(again.current, registry.current);
    assert.equal(again.renamed.size, 0, 'the new names are on the disk');
  });

  it('reads back what it wrote', async () => {
    const registry = await openProfileRegistry(config());
    const slot = createRandomId();
    await registry.update((before) => ({
      ...withProfile('work')(before),
      default: 'work',
      discarded: [slot],
    }));
    const expected = {
      version: 1,
      instance: registry.current.instance,
      default: 'work',
      profiles: { work: entry },
      discarded: [slot],
    };
    assert.deepEqual(registry.current, expected);
    assert.deepEqual(await readRegistry(), expected);
  });

  it('stores a profile under every valid name', async () => {
    const names = fc
      .oneof(
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 64 }),
        fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '0', '-1'),
      )
      .filter((name) => isProfileName(name) && name.trim() === name);
    await fc.assert(
      fc.asyncProperty(names, async (name) => {
        const registry = await openProfileRegistry(config());
        await registry.update((before) => ({ ...withProfile(name)(before), default: name }));
        const { default: found, profiles } = await readRegistry();
        assert.equal(found, name);
        assert.deepEqual(Object.entries(profiles).find(([key]) => key === name)?.[1], entry);
      }),
      { numRuns: 100 },
    );
  });

  it('writes one file, which only its owner can read', async () => {
    const umask = process.umask(0);
    try {
      await (await openProfileRegistry(config())).update(withProfile('work'));
    } finally {
      process.umask(umask);
    }
    assert.equal(statSync(file()).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(config()), ['profiles.json']);
  });

  it('applies concurrent updates one after another', async () => {
    const registry = await openProfileRegistry(config());
    await Promise.all(Array.from({ length: 20 }, (_, i) => registry.update(withProfile(`p${i}`))));
    assert.equal(Object.keys(registry.current.profiles).length, 20);
    assert.equal(Object.keys((await readRegistry()).profiles).length, 20);
  });

  it('is unchanged after a failed write, and accepts the next update', async () => {
    const registry = await openProfileRegistry(config());
    await registry.update(withProfile('first'));
    const text = readFileSync(file(), 'utf8');
    mkdirSync(`${file()}.new`);
    await assert.rejects(
      registry.update(withProfile('second')),
      (error) =>
        error instanceof IamTokenError &&
        error.code === 'internal' &&
        error.message.startsWith(`cannot write the profile list ${file()}: `) &&
        error.message.includes('EISDIR'),
    );
    assert.deepEqual(Object.keys(registry.current.profiles), ['first']);
    assert.equal(readFileSync(file(), 'utf8'), text);
    rmdirSync(`${file()}.new`);
    await registry.update(withProfile('third'));
    assert.deepEqual(Object.keys((await readRegistry()).profiles), ['first', 'third']);
  });

  it('A2: does not overwrite a list that another program changed, and hints at a restart', async () => {
    const [first, second] = [await openProfileRegistry(config()), await openProfileRegistry(config())];
    await first.update(withProfile('first'));
    const text = readFileSync(file(), 'utf8');
    const isRefusal = (error: unknown): boolean =>
      error instanceof IamTokenError &&
      error.code === 'internal' &&
      error.message === `the profile list ${file()} was changed by another program and is not overwritten` &&
      error.hint === 'iam-token stop; iam-tokend &';
    await assert.rejects(second.update(withProfile('second')), isRefusal);
    assert.equal(readFileSync(file(), 'utf8'), text);
    await first.update(withProfile('third'));
    writeFileSync(file(), text);
    await assert.rejects(first.update(withProfile('fourth')), isRefusal);
    assert.equal(readFileSync(file(), 'utf8'), text);
    assert.deepEqual(readdirSync(config()), ['profiles.json']);
    const reopened = await openProfileRegistry(config());
    await reopened.update(withProfile('second'));
    assert.deepEqual(Object.keys((await readRegistry()).profiles), ['first', 'second']);
  });

  it('A2: creates a list again that was removed', async () => {
    const registry = await openProfileRegistry(config());
    await registry.update(withProfile('first'));
    rmSync(file());
    await registry.update(withProfile('second'));
    assert.deepEqual(Object.keys((await readRegistry()).profiles), ['first', 'second']);
  });

  it('ignores the temporary file of a killed writer', async () => {
    await (await openProfileRegistry(config())).update(withProfile('work'));
    writeFileSync(`${file()}.new`, '{"half":');
    const registry = await openProfileRegistry(config());
    assert.deepEqual(Object.keys(registry.current.profiles), ['work']);
    await registry.update(withProfile('home'));
    assert.deepEqual(readdirSync(config()), ['profiles.json']);
  });

  it('is a whole file at every moment', async () => {
    const registry = await openProfileRegistry(config());
    await registry.update(withProfile('p0'));
    let hasEnded = false;
    const changes = Promise.all(
      Array.from({ length: 30 }, (_, i) => registry.update(withProfile(`p${i}`))),
    ).finally(() => (hasEnded = true));
    let observed = 0;
    while (!hasEnded) {
      observed += Object.keys((await readRegistry()).profiles).length > 0 ? 1 : 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await changes;
    assert.ok(observed > 0);
  });

  const validRegistry = {
    version: 1,
    instance: createRandomId(),
    default: null,
    profiles: {},
    discarded: [],
  };
  const invalidFiles: readonly (readonly [what: string, text: string])[] = [
    ['no content', ''],
    ['half a file', JSON.stringify(validRegistry).slice(0, 40)],
    ['another version', JSON.stringify({ ...validRegistry, version: 2 })],
    ['an array', '[]'],
    ['null', 'null'],
    ['no instance id', JSON.stringify({ ...validRegistry, instance: undefined })],
    ['an instance id that is a path', JSON.stringify({ ...validRegistry, instance: '../../../../etc' })],
    [
      'a slot that is a path',
      JSON.stringify({ ...validRegistry, profiles: { a: { ...entry, slot: '../x' } } }),
    ],
    ['an invalid profile name', JSON.stringify({ ...validRegistry, profiles: { 'a/b': entry } })],
    [
      'a profile without an endpoint',
      JSON.stringify({ ...validRegistry, profiles: { a: { ...entry, endpoint: undefined } } }),
    ],
  ];
  for (const [what, text] of invalidFiles) {
    it(`rejects a file with ${what}, and does not change it`, async () => {
      mkdirSync(config());
      writeFileSync(file(), text);
      await assert.rejects(
        openProfileRegistry(config()),
        (error) =>
          error instanceof IamTokenError &&
          error.message === `the profile list ${file()} is invalid` &&
          error.hint === `mv '${file()}' '${file()}.old'`,
      );
      assert.equal(readFileSync(file(), 'utf8'), text);
    });
  }
});
