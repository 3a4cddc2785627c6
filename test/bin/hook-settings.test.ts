import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSettings, type Settings } from '../../src/bin/iam-tokend/settings.ts';
import { FileDeadline } from '../../src/files/file-deadline.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { createRealClock } from '../support/time/real-clock.ts';

describe('18.6: hooks in config.yaml', () => {
  const folder = useTemporaryFolder();

  function load(mode: number): Promise<Settings> {
    const configFile = join(folder(), 'config.yaml');
    writeFileSync(configFile, 'hooks: { locked: [/bin/true, x] }\n');
    chmodSync(configFile, mode);
    const paths = {
      ...{ config: folder(), configFile, state: folder(), log: folder() },
      isSystemWide: false,
      defaultSocket: join(folder(), 'ipc.sock'),
      alternatives: {},
    };
    const clock = createRealClock();
    const uid = process.getuid?.() ?? null;
    return loadSettings({ config: configFile }, paths, clock, uid, new FileDeadline(clock));
  }

  it('are used if only this user can change the file', async () => {
    const { config, warnings } = await load(0o644);
    assert.deepEqual([config.hooks.locked, warnings], [['/bin/true', 'x'], []]);
  });

  it('are ignored with a warning if another user can change the file, and so choose the program', async () => {
    const { config, warnings } = await load(0o666);
    assert.equal(config.hooks.locked, null);
    assert.match(
      warnings.at(-1) ?? '',
      /^hooks are ignored: .*config\.yaml is writable by other users.*; run: chmod go-w /,
    );
  });
});
