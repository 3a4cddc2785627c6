import assert from 'node:assert/strict';
import { join } from 'node:path';
import {
  DBusConnection,
  DBusError,
  type MethodCall,
  parseSessionBusPaths,
} from '../../../src/stores/secret-service/dbus-connection.ts';
import {
  DBusConnectionError,
  encodeMessage,
  maxMessageBytes,
} from '../../../src/stores/secret-service/dbus-message.ts';
import { startFakeDBus, type FakeDBus, type CallReaction } from '../../support/stores/fake-dbus.ts';
import { getKeyringSkipReason, startDBus } from '../../support/stores/private-keyring.ts';
import { createRealClock } from '../../support/time/real-clock.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

const uid = process.getuid?.() ?? 0;
const testDeadline = (): AbortSignal => createRealClock().timeoutSignal(10_000);
const sampleCall: MethodCall = { destination: 'a.b', path: '/a', interface: 'a.b', member: 'Ask' };

describe('dbus-connection', () => {
  let bus: FakeDBus;

  afterEach(() => bus.stop());

  /** A connection to a bus that reacts to `sampleCall` like this. */
  async function connectionTo(react: () => CallReaction, login?: string): Promise<DBusConnection> {
    bus = await startFakeDBus(react, login);
    return DBusConnection.open([bus.path], uid, testDeadline());
  }

  it('returns the reply', async () => {
    const connection = await connectionTo(() => ({ signature: 'so', body: ['text', '/path'] }));
    assert.deepEqual(await connection.call(sampleCall, testDeadline()), ['text', '/path']);
    connection.close();
  });

  it('throws an error reply with its name', async () => {
    const connection = await connectionTo(() => ({
      errorName: 'a.b.No',
      signature: 's',
      body: ['not today'],
    }));
    await assert.rejects(
      connection.call(sampleCall, testDeadline()),
      (error) => error instanceof DBusError && error.errorName === 'a.b.No' && error.message === 'not today',
    );
    connection.close();
  });

  it('ignores replies to other calls', async () => {
    const encodeReply = (replySerial: number): Buffer =>
      encodeMessage({ kind: 'return', serial: 99, replySerial, signature: 'u', body: [replySerial] });
    const connection = await connectionTo(() => Buffer.concat([7, 1, 2].map(encodeReply)));
    assert.deepEqual(await connection.call(sampleCall, testDeadline()), [2]);
    connection.close();
  });

  it('times out on a call', async () => {
    const connection = await connectionTo(() => null);
    await assert.rejects(connection.call(sampleCall, createRealClock().timeoutSignal(20)), {
      name: 'TimeoutError',
    });
    connection.close();
  });

  it('times out on a bus that does not respond', async () => {
    bus = await startFakeDBus(() => null, '');
    await assert.rejects(DBusConnection.open([bus.path], uid, createRealClock().timeoutSignal(20)), {
      name: 'TimeoutError',
    });
    await waitUntil(() => bus.connectionCount() === 0, 'the connection is closed');
  });

  for (const login of ['REJECTED EXTERNAL\r\n', 'x'.repeat(2_000), '\0\0\r\n']) {
    it(`fails when the bus replies ${JSON.stringify(login.slice(0, 20))} to the authentication`, async () => {
      await assert.rejects(
        connectionTo(() => null, login),
        DBusConnectionError,
      );
      await waitUntil(() => bus.connectionCount() === 0, 'the connection is closed');
    });
  }

  it('tries the next address when one fails', async () => {
    bus = await startFakeDBus(() => ({ signature: 's', body: ['here'] }));
    const connection = await DBusConnection.open(
      ['/nowhere/bus', '\0missing', bus.path],
      uid,
      testDeadline(),
    );
    assert.deepEqual(await connection.call(sampleCall, testDeadline()), ['here']);
    connection.close();
  });

  it('fails without an address, and when no bus listens', async () => {
    bus = await startFakeDBus(() => null);
    await assert.rejects(DBusConnection.open([], uid, testDeadline()), DBusConnectionError);
    await assert.rejects(DBusConnection.open(['/nowhere/bus'], uid, testDeadline()), DBusConnectionError);
  });

  const nonsense: Readonly<Record<string, Buffer>> = {
    'an invalid message': Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'a message over the limit': Buffer.from(
      encodeMessage({ kind: 'return', serial: 1, signature: 's', body: ['x'.repeat(2_000)] }),
    ).fill(0xff, 4, 8),
  };
  for (const [name, bytes] of Object.entries(nonsense)) {
    it(`fails when the bus sends ${name}`, async () => {
      const connection = await connectionTo(() => bytes);
      await assert.rejects(connection.call(sampleCall, testDeadline()), DBusConnectionError);
      connection.close();
    });
  }

  it('reads a message of the maximum size', async () => {
    const text = 'x'.repeat(maxMessageBytes - 100);
    const header = encodeMessage({ kind: 'return', serial: 1, replySerial: 2, signature: 's', body: [''] });
    header.writeUInt32LE(5 + text.length, 4);
    const body = Buffer.alloc(5 + text.length);
    body.writeUInt32LE(text.length);
    body.write(text, 4);
    const connection = await connectionTo(() => Buffer.concat([header.subarray(0, -5), body]));
    assert.deepEqual(await connection.call(sampleCall, testDeadline()), [text]);
    connection.close();
  });

  it('fails pending calls when the bus disconnects or the connection is closed', async () => {
    const connection = await connectionTo(() => null);
    const call = connection.call(sampleCall, testDeadline());
    await waitUntil(() => bus.calls.length === 1, 'the call has arrived');
    bus.disconnectAll();
    await assert.rejects(call, DBusConnectionError);

    const other = await DBusConnection.open([bus.path], uid, testDeadline());
    const pendingSignal = other.waitForSignal(
      [{ interface: 'a.b', member: 'Done' }],
      async () => {},
      testDeadline(),
    );
    other.close();
    await assert.rejects(pendingSignal, DBusConnectionError);
  });

  it('waits for the matching signal, even if it arrives before the reply', async () => {
    bus = await startFakeDBus((call) => {
      const done = { interface: 'a.b', member: 'Done', signature: 's' };
      bus.emit({ ...done, path: '/other', body: ['me'] });
      bus.emit({ ...done, path: '/a', member: 'Begun', body: ['me'] });
      bus.emit({ ...done, path: '/a', body: ['you'] });
      bus.emit({ ...done, path: '/a', body: ['me'] });
      return call.member === 'Ask' ? {} : null;
    });
    const connection = await DBusConnection.open([bus.path], uid, testDeadline());
    const match = { path: '/a', interface: 'a.b', member: 'Done', arg0: 'me' };
    const signal = await connection.waitForSignal(
      [match],
      () => connection.call(sampleCall, testDeadline()),
      testDeadline(),
    );
    assert.deepEqual([signal.path, signal.member, signal.body], ['/a', 'Done', ['me']]);
    connection.close();
  });
});

const runtime = { XDG_RUNTIME_DIR: '/run/user/1000' };

describe('dbus-connection: address', () => {
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
      assert.deepEqual(parseSessionBusPaths({ ...runtime, DBUS_SESSION_BUS_ADDRESS: address }), paths);
    });
  }

  it('falls back to the runtime folder only while no address is set', () => {
    assert.deepEqual(parseSessionBusPaths(runtime), ['/run/user/1000/bus']);
    assert.deepEqual(parseSessionBusPaths({ ...runtime, DBUS_SESSION_BUS_ADDRESS: '' }), []);
    assert.deepEqual(parseSessionBusPaths({ XDG_RUNTIME_DIR: '' }), []);
    assert.deepEqual(parseSessionBusPaths({}), []);
  });
});

const missing = getKeyringSkipReason();
const described = missing === null ? describe : describe.skip;

described(
  `dbus-connection with a real dbus-daemon${missing === null ? '' : ` (skipped, ${missing})`}`,
  () => {
    const folder = useTemporaryFolder();
    const paddedNames = process.versions.node.startsWith('20.'); // see dbus-connection.ts
    for (const kind of paddedNames ? ['path'] : ['path', 'abstract']) {
      it(`connects to unix:${kind}`, async () => {
        const name = join(folder(), 'bus');
        const bus = await startDBus(`unix:${kind}=${name}`);
        try {
          const connection = await DBusConnection.open(
            [kind === 'path' ? name : `\0${name}`],
            uid,
            testDeadline(),
          );
          const call = { destination: 'org.freedesktop.DBus', path: '/', interface: 'org.freedesktop.DBus' };
          const [names] = await connection.call({ ...call, member: 'ListNames' }, testDeadline());
          assert.deepEqual(names, ['org.freedesktop.DBus', ':1.0']);
          await assert.rejects(
            connection.call({ ...call, destination: 'no.body', member: 'Ask' }, testDeadline()),
            (error) =>
              error instanceof DBusError && error.errorName === 'org.freedesktop.DBus.Error.ServiceUnknown',
          );
          connection.close();
        } finally {
          await bus.stop();
        }
      });
    }

    it('is rejected with the uid of another user', async () => {
      const name = join(folder(), 'bus');
      const bus = await startDBus(`unix:path=${name}`);
      try {
        await assert.rejects(DBusConnection.open([name], uid + 1, testDeadline()), DBusConnectionError);
      } finally {
        await bus.stop();
      }
    });
  },
);
