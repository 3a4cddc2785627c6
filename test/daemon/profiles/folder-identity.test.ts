import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openProfileRegistry, type OpenedRegistry } from '../../../src/daemon/profiles/profile-registry.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const entry = {
  kind: 'oauth',
  endpoint: 'https://iam.example.net',
  audience: 'https://iam.example.net/iam/v1/tokens',
  slot: '0123456789abcdef',
};
const abandoned = { file: ['fedcba9876543210'] };
const uid = process.getuid?.() ?? null;

describe('A2: the profile list of a configuration folder', () => {
  const folder = useTemporaryFolder();
  const original = (): string => join(folder(), 'original');
  const other = (): string => join(folder(), 'other');
  let instance: string;

  const open = (path: string): Promise<OpenedRegistry> => openProfileRegistry(path, uid);

  beforeEach(async () => {
    mkdirSync(original());
    const registry = await open(original());
    await registry.update((before) => ({
      ...before,
      profiles: { default: entry },
      discarded: ['aaaaaaaaaaaaaaaa'],
      abandoned,
    }));
    ({ instance } = registry.current);
  });

  async function assertSame(path: string): Promise<void> {
    const { current, copiedFrom } = await open(path);
    assert.equal(copiedFrom, null);
    assert.equal(current.instance, instance);
    assert.deepEqual(current.profiles, { default: entry });
    assert.deepEqual(current.abandoned, abandoned);
  }

  it('that was copied gets an instance of its own, and leaves the slots to the original', async () => {
    cpSync(original(), other(), { recursive: true });
    const { current, copiedFrom } = await open(other());
    assert.equal(copiedFrom, original());
    assert.notEqual(current.instance, instance);
    assert.deepEqual(current.profiles, { default: { ...entry, originalInstance: instance } });
    assert.deepEqual([current.discarded, current.abandoned], [[], undefined]);
    // Found once.
    const again = await open(other());
    assert.equal(again.copiedFrom, null);
    assert.deepEqual(again.current, current);
    await assertSame(original());
  });

  it('that was copied leaves them to the original also while that is not there', async () => {
    cpSync(original(), other(), { recursive: true });
    renameSync(original(), join(folder(), 'unmounted'));
    const { current } = await open(other());
    assert.notEqual(current.instance, instance);
    await assertSame(join(folder(), 'unmounted'));
  });

  it('keeps the instance of the first folder after a copy of a copy', async () => {
    cpSync(original(), other(), { recursive: true });
    await open(other());
    cpSync(other(), join(folder(), 'third'), { recursive: true });
    const { current } = await open(join(folder(), 'third'));
    assert.equal(current.profiles['default']?.originalInstance, instance);
  });

  it('that was renamed stays itself, and its copy is still a copy', async () => {
    renameSync(original(), other());
    await assertSame(other());
    cpSync(other(), original(), { recursive: true });
    assert.equal((await open(original())).copiedFrom, other());
  });

  it('that was restored from a backup in its place stays itself', async () => {
    const backup = join(folder(), 'backup');
    cpSync(original(), backup, { recursive: true });
    rmSync(original(), { recursive: true });
    // So that the inode is another one.
    mkdirSync(other());
    cpSync(backup, original(), { recursive: true });
    await assertSame(original());
  });

  it('that is reached through a link stays itself', async () => {
    symlinkSync(original(), other());
    await assertSame(other());
  });

  it('of version 0.1.0 records its folder at the first start', async () => {
    const path = join(original(), 'profiles.json');
    const { folder: _, ...list } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    writeFileSync(path, JSON.stringify(list));
    await assertSame(original());
    cpSync(original(), other(), { recursive: true });
    assert.equal((await open(other())).copiedFrom, original());
  });
});
