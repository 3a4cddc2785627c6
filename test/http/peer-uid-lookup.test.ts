import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { type SocketEndpoints, createPeerUidLookup } from '../../src/http/peer-uid-lookup.ts';
import { listenOnLoopback } from '../support/network/loopback.ts';

const localEnd = { localAddress: '127.0.0.1', localPort: 8_099 };
const endpoints: SocketEndpoints = { remoteAddress: '127.0.0.1', remotePort: 40_000, ...localEnd };
const v6Endpoints: SocketEndpoints = {
  remoteAddress: '::1',
  remotePort: 40_000,
  localAddress: '::1',
  localPort: 8_099,
};

/** A row of /proc/net/tcp. */
function row(local: string, remote: string, uid: number, { state = '01', inode = 12_345 } = {}): string {
  return `   1: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 ${inode} 1 0000000000000000 20 4 30 10 -1\n`;
}

const v4 = row('0100007F:9C40', '0100007F:1FA3', 1_000);
const serverSide = row('0100007F:1FA3', '0100007F:9C40', 7);
const listening = row('0100007F:1FA3', '00000000:0000', 8, { state: '0A' });
const mappedPrefix = '0000000000000000FFFF00000100007F';
const loopback6 = '00000000000000000000000001000000';

describe('createPeerUidLookup', () => {
  const cases: readonly (readonly [what: string, table: string, SocketEndpoints, number | null])[] = [
    ['returns the uid of the row with swapped endpoints', serverSide + listening + v4, endpoints, 1_000],
    ['ignores the row of the server', serverSide + listening, endpoints, null],
    [
      'finds a program that connects to 127.0.0.1 over IPv6',
      row(`${mappedPrefix}:9C40`, `${mappedPrefix}:1FA3`, 33),
      endpoints,
      33,
    ],
    [
      'finds a program that connects to ::1',
      row(`${loopback6}:9C40`, `${loopback6}:1FA3`, 44),
      v6Endpoints,
      44,
    ],
    [
      'finds a program that has ended its side of the connection',
      row('0100007F:9C40', '0100007F:1FA3', 5, { state: '05' }),
      endpoints,
      5,
    ],
    [
      'ignores a socket that its program has closed',
      row('0100007F:9C40', '0100007F:1FA3', 0, { inode: 0 }),
      endpoints,
      null,
    ],
    ['ignores another port', row('0100007F:9C41', '0100007F:1FA3', 6), endpoints, null],
    ['ignores another address', row('0200007F:9C40', '0100007F:1FA3', 6), endpoints, null],
    ['returns null for a closed connection', v4, localEnd, null],
    ['returns null for an empty table', '', endpoints, null],
  ];
  for (const [what, table, requested, uid] of cases) {
    it(what, async () => {
      assert.equal(await createPeerUidLookup(async () => table)(requested), uid);
    });
  }

  it('reads the table again if the row is missing', async () => {
    const tables = ['', '', v4];
    assert.equal(await createPeerUidLookup(async () => tables.shift() ?? '')(endpoints), 1_000);
  });

  it('shares a read among concurrent lookups, and starts a new one for a later lookup', async () => {
    let reads = 0;
    const findUid = createPeerUidLookup(async () => {
      reads += 1;
      return v4;
    });
    await Promise.all(Array.from({ length: 100 }, () => findUid(endpoints)));
    assert.ok(reads <= 2, `${reads} reads`);
    const readsBefore = reads;
    await findUid(endpoints);
    assert.equal(reads, readsBefore + 1);
  });

  it('reads the table again after a failed read', async () => {
    let isBroken = true;
    const findUid = createPeerUidLookup(async () => {
      if (isBroken) throw new Error('no such file');
      return v4;
    });
    await assert.rejects(findUid(endpoints), /no such file/);
    isBroken = false;
    assert.equal(await findUid(endpoints), 1_000);
  });

  it('finds the uid of a real connection', async () => {
    const server = createServer();
    const client = connect(await listenOnLoopback(server), '127.0.0.1');
    const [accepted] = (await once(server, 'connection')) as [SocketEndpoints];
    assert.equal(await createPeerUidLookup()(accepted), process.getuid?.());
    client.destroy();
    server.close();
  });
});
