import assert from 'node:assert/strict';
import { programPlaces } from '../../src/platform/find-program.ts';

describe('a program is looked for', () => {
  it('in the folders of PATH, and then where its installer puts it', () => {
    const env = { PATH: '/usr/bin::bin:./x:/opt/y:/usr/bin' };
    assert.deepEqual(programPlaces('yc', { platform: 'linux', env, home: () => '/home/u' }), [
      '/usr/bin/yc',
      '/opt/y/yc',
      '/home/u/yandex-cloud/bin/yc',
      '/usr/local/bin/yc',
    ]);
  });

  it('where Homebrew is, on a Mac', () => {
    assert.deepEqual(programPlaces('yc', { platform: 'darwin', env: {}, home: () => '/Users/u' }), [
      '/Users/u/yandex-cloud/bin/yc',
      '/usr/local/bin/yc',
      '/opt/homebrew/bin/yc',
    ]);
  });

  it('on Windows, with its ending', () => {
    const env = { Path: String.raw`C:\Tools;x` };
    assert.deepEqual(programPlaces('yc', { platform: 'win32', env, home: () => String.raw`C:\Users\u` }), [
      String.raw`C:\Tools\yc.exe`,
      String.raw`C:\Users\u\yandex-cloud\bin\yc.exe`,
    ]);
  });
});
