import assert from 'node:assert/strict';
import { programCandidates } from '../../src/platform/program-candidates.ts';

describe('programCandidates', () => {
  it('lists the folders of PATH, and then those of the installer', () => {
    const env = { PATH: '/usr/bin::bin:./x:/opt/y:/usr/bin' };
    assert.deepEqual(programCandidates('yc', { platform: 'linux', env, home: () => '/home/u' }), [
      '/usr/bin/yc',
      '/opt/y/yc',
      '/home/u/yandex-cloud/bin/yc',
      '/usr/local/bin/yc',
    ]);
  });

  it('B8: lists nothing in the current folder if the home folder is unknown or relative', () => {
    for (const home of ['', 'relative'])
      assert.deepEqual(programCandidates('yc', { platform: 'linux', env: {}, home: () => home }), [
        '/usr/local/bin/yc',
      ]);
  });

  it('lists the folder of Homebrew on macOS', () => {
    assert.deepEqual(programCandidates('yc', { platform: 'darwin', env: {}, home: () => '/Users/u' }), [
      '/Users/u/yandex-cloud/bin/yc',
      '/usr/local/bin/yc',
      '/opt/homebrew/bin/yc',
    ]);
  });

  it('adds the extension .exe on Windows', () => {
    const env = { Path: String.raw`C:\Tools;x` };
    assert.deepEqual(
      programCandidates('yc', { platform: 'win32', env, home: () => String.raw`C:\Users\u` }),
      [String.raw`C:\Tools\yc.exe`, String.raw`C:\Users\u\yandex-cloud\bin\yc.exe`],
    );
  });
});
