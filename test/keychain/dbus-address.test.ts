import assert from 'node:assert/strict';
import { sessionBusPaths } from '../../src/keychain/dbus-address.ts';

const runtime = { XDG_RUNTIME_DIR: '/run/user/1000' };

describe('dbus-address', () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    'unix:path=/run/user/1000/bus': ['/run/user/1000/bus'],
    'unix:path=/tmp/a,guid=0123': ['/tmp/a'],
    'unix:guid=0123,path=/tmp/a': ['/tmp/a'],
    'unix:abstract=/tmp/dbus-x,guid=0123': ['\0/tmp/dbus-x'],
    'tcp:host=localhost,port=1;unix:path=/a;unix:abstract=b': ['/a', '\0b'],
    'unix:path=/with%20space%3b%2c%d1%84': ['/with space;,ф'],
    'unix:path=/half%2': [],
    'unix:path=/zero%00byte': [],
    'unix:path=': [],
    'unix:': [],
    'autolaunch:': [],
    'path=/a': [],
    ';;': [],
  };
  for (const [address, paths] of Object.entries(cases)) {
    it(`finds ${JSON.stringify(paths)} in ${address}`, () => {
      assert.deepEqual(sessionBusPaths({ ...runtime, DBUS_SESSION_BUS_ADDRESS: address }), paths);
    });
  }

  it('falls back to the runtime folder only while no address is set', () => {
    assert.deepEqual(sessionBusPaths(runtime), ['/run/user/1000/bus']);
    assert.deepEqual(sessionBusPaths({ ...runtime, DBUS_SESSION_BUS_ADDRESS: '' }), []);
    assert.deepEqual(sessionBusPaths({ XDG_RUNTIME_DIR: '' }), []);
    assert.deepEqual(sessionBusPaths({}), []);
  });
});
