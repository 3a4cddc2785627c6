import assert from 'node:assert/strict';
import { join } from 'node:path';
import {
  DBusConnection,
  DBusError,
  type MethodCall,
  sessionBusPaths,
} from '../../src/keychain/dbus-connection.ts';
import { DBusPeerError, encodeMessage, maxMessageBytes } from '../../src/keychain/dbus-message.ts';
import { startFakeBus, type FakeBus, type Reaction } from '../support/fake-bus.ts';
import { noPrivateKeyring, startDBus } from '../support/private-keyring.ts';
import { realClock } from '../support/real-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const uid = process.getuid?.() ?? 0;
const soon = (): AbortSignal => realClock().deadline(10_000);
const someCall: MethodCall = { destination: 'a.b', path: '/a', interface: 'a.b', member: 'Ask' };

describe('dbus-connection', () => {
  let bus: FakeBus;

  afterEach(() => bus.stop());

  /** A connection to a bus that does this about `someCall`. */
  async function connectionTo(react: () => Reaction, login?: string): Promise<DBusConnection> {
    bus = await startFakeBus(react, login);
    return DBusConnection.open([bus.path], uid, soon());
  }

  it('returns what was answered', async () => {
    const connection = await connectionTo(() => ({ signature: 'so', body: ['text', '/path'] }));
    assert.deepEqual(await connection.call(someCall, soon()), ['text', '/path']);
    connection.close();
  });

  it('throws the error that was answered, by its name', async () => {
    const connection = await connectionTo(() => ({
      errorName: 'a.b.No',
      signature: 's',
      body: ['not today'],
    }));
    await assert.rejects(
      connection.call(someCall, soon()),
      (error) => error instanceof DBusError && error.errorName === 'a.b.No' && error.message === 'not today',
    );
    connection.close();
  });

  it('takes no answer to another call for its own', async () => {
    const answer = (replySerial: number): Buffer =>
      encodeMessage({ kind: 'return', serial: 99, replySerial, signature: 'u', body: [replySerial] });
    const connection = await connectionTo(() => Buffer.concat([7, 1, 2].map(answer)));
    assert.deepEqual(await connection.call(someCall, soon()), [2]);
    connection.close();
  });

  it('waits no longer than it may', async () => {
    const connection = await connectionTo(() => null);
    await assert.rejects(connection.call(someCall, realClock().deadline(20)), { name: 'TimeoutError' });
    connection.close();
  });

  it('waits no longer than it may for a bus that says nothing', async () => {
    bus = await startFakeBus(() => null, '');
    await assert.rejects(DBusConnection.open([bus.path], uid, realClock().deadline(20)), {
      name: 'TimeoutError',
    });
    await until(() => bus.connectionCount() === 0, 'the connection is gone');
  });

  for (const login of ['REJECTED EXTERNAL\r\n', 'x'.repeat(2_000), '\0\0\r\n']) {
    it(`does not get in where the bus says ${JSON.stringify(login.slice(0, 20))}`, async () => {
      await assert.rejects(
        connectionTo(() => null, login),
        DBusPeerError,
      );
      await until(() => bus.connectionCount() === 0, 'the connection is gone');
    });
  }

  it('tries the next address where one does not let it in', async () => {
    bus = await startFakeBus(() => ({ signature: 's', body: ['here'] }));
    const connection = await DBusConnection.open(['/nowhere/bus', '\0nobody', bus.path], uid, soon());
    assert.deepEqual(await connection.call(someCall, soon()), ['here']);
    connection.close();
  });

  it('fails without an address, and where nobody listens', async () => {
    bus = await startFakeBus(() => null);
    await assert.rejects(DBusConnection.open([], uid, soon()), DBusPeerError);
    await assert.rejects(DBusConnection.open(['/nowhere/bus'], uid, soon()), DBusPeerError);
  });

  const nonsense: Readonly<Record<string, Buffer>> = {
    'what is no message': Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'a message over the limit': Buffer.from(
      encodeMessage({ kind: 'return', serial: 1, signature: 's', body: ['x'.repeat(2_000)] }),
    ).fill(0xff, 4, 8),
  };
  for (const [name, bytes] of Object.entries(nonsense)) {
    it(`fails when the bus sends ${name}`, async () => {
      const connection = await connectionTo(() => bytes);
      await assert.rejects(connection.call(someCall, soon()), DBusPeerError);
      connection.close();
    });
  }

  it('reads a message as large as the limit allows, in however many pieces', async () => {
    const text = 'x'.repeat(maxMessageBytes - 100);
    const header = encodeMessage({ kind: 'return', serial: 1, replySerial: 2, signature: 's', body: [''] });
    header.writeUInt32LE(5 + text.length, 4);
    const body = Buffer.alloc(5 + text.length);
    body.writeUInt32LE(text.length);
    body.write(text, 4);
    const connection = await connectionTo(() => Buffer.concat([header.subarray(0, -5), body]));
    assert.deepEqual(await connection.call(someCall, soon()), [text]);
    connection.close();
  });

  it('fails whoever waits when the bus goes away, or when it is closed', async () => {
    const connection = await connectionTo(() => null);
    const call = connection.call(someCall, soon());
    await until(() => bus.calls.length === 1, 'the call has arrived');
    bus.drop();
    await assert.rejects(call, DBusPeerError);

    const other = await DBusConnection.open([bus.path], uid, soon());
    const awaited = other.signalAfter([{ interface: 'a.b', member: 'Done' }], async () => {}, soon());
    other.close();
    await assert.rejects(awaited, DBusPeerError);
  });

  it('waits for the signal that is meant, also when it comes before the cause has returned', async () => {
    bus = await startFakeBus((call) => {
      const done = { interface: 'a.b', member: 'Done', signature: 's' };
      bus.emit({ ...done, path: '/other', body: ['me'] });
      bus.emit({ ...done, path: '/a', member: 'Begun', body: ['me'] });
      bus.emit({ ...done, path: '/a', body: ['you'] });
      bus.emit({ ...done, path: '/a', body: ['me'] });
      return call.member === 'Ask' ? {} : null;
    });
    const connection = await DBusConnection.open([bus.path], uid, soon());
    const match = { path: '/a', interface: 'a.b', member: 'Done', arg0: 'me' };
    const signal = await connection.signalAfter([match], () => connection.call(someCall, soon()), soon());
    assert.deepEqual([signal.path, signal.member, signal.body], ['/a', 'Done', ['me']]);
    connection.close();
  });
});

const runtime = { XDG_RUNTIME_DIR: '/run/user/1000' };

describe('dbus-connection, its address', () => {
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

const missing = noPrivateKeyring();
const described = missing === null ? describe : describe.skip;

described(
  `dbus-connection with a real dbus-daemon${missing === null ? '' : ` (skipped, ${missing})`}`,
  () => {
    const folder = temporaryFolder();
    const paddedNames = process.versions.node.startsWith('20.'); // see dbus-connection.ts
    for (const kind of paddedNames ? ['path'] : ['path', 'abstract']) {
      it(`speaks to one at unix:${kind}`, async () => {
        const name = join(folder(), 'bus');
        const bus = await startDBus(`unix:${kind}=${name}`);
        try {
          const connection = await DBusConnection.open([kind === 'path' ? name : `\0${name}`], uid, soon());
          const call = { destination: 'org.freedesktop.DBus', path: '/', interface: 'org.freedesktop.DBus' };
          const [names] = await connection.call({ ...call, member: 'ListNames' }, soon());
          assert.deepEqual(names, ['org.freedesktop.DBus', ':1.0']);
          await assert.rejects(
            connection.call({ ...call, destination: 'no.body', member: 'Ask' }, soon()),
            (error) =>
              error instanceof DBusError && error.errorName === 'org.freedesktop.DBus.Error.ServiceUnknown',
          );
          connection.close();
        } finally {
          await bus.stop();
        }
      });
    }

    it('is refused by one as somebody else', async () => {
      const name = join(folder(), 'bus');
      const bus = await startDBus(`unix:path=${name}`);
      try {
        await assert.rejects(DBusConnection.open([name], uid + 1, soon()), DBusPeerError);
      } finally {
        await bus.stop();
      }
    });
  },
);
