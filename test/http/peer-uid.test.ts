import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { type Ends, peerUids } from '../../src/http/peer-uid.ts';
import { listen } from '../support/loopback.ts';

const ours = { localAddress: '127.0.0.1', localPort: 8_099 };
const ends: Ends = { remoteAddress: '127.0.0.1', remotePort: 40_000, ...ours };
const v6Ends: Ends = { remoteAddress: '::1', remotePort: 40_000, localAddress: '::1', localPort: 8_099 };

/** A row as /proc/net/tcp has it. */
function row(local: string, remote: string, uid: number, { state = '01', inode = 12_345 } = {}): string {
  return `   1: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 ${inode} 1 0000000000000000 20 4 30 10 -1\n`;
}

const v4 = row('0100007F:9C40', '0100007F:1FA3', 1_000);
const ownSide = row('0100007F:1FA3', '0100007F:9C40', 7);
const listening = row('0100007F:1FA3', '00000000:0000', 8, { state: '0A' });
const mapped = '0000000000000000FFFF00000100007F';
const loopback6 = '00000000000000000000000001000000';

describe('the uid of a peer', () => {
  const cases: readonly (readonly [what: string, table: string, Ends, number | null])[] = [
    ['is that of the row with our ends the other way round', ownSide + listening + v4, ends, 1_000],
    ['is not that of our own side', ownSide + listening, ends, null],
    [
      'is found where a program reaches 127.0.0.1 over IPv6',
      row(`${mapped}:9C40`, `${mapped}:1FA3`, 33),
      ends,
      33,
    ],
    ['is found for ::1', row(`${loopback6}:9C40`, `${loopback6}:1FA3`, 44), v6Ends, 44],
    [
      'is found where the program has ended its side',
      row('0100007F:9C40', '0100007F:1FA3', 5, { state: '05' }),
      ends,
      5,
    ],
    [
      'is not taken from a socket that its program has closed',
      row('0100007F:9C40', '0100007F:1FA3', 0, { inode: 0 }),
      ends,
      null,
    ],
    ['is not that of another port', row('0100007F:9C41', '0100007F:1FA3', 6), ends, null],
    ['is not that of another address', row('0200007F:9C40', '0100007F:1FA3', 6), ends, null],
    ['is not found for a peer that is gone', v4, ours, null],
    ['is not found in an empty table', '', ends, null],
  ];
  for (const [what, table, asked, uid] of cases) {
    it(what, async () => {
      assert.equal(await peerUids(async () => table)(asked), uid);
    });
  }

  it('is looked for again where a row was missed', async () => {
    const tables = ['', '', v4];
    assert.equal(await peerUids(async () => tables.shift() ?? '')(ends), 1_000);
  });

  it('costs many who ask at once one reading, and is never older than the question', async () => {
    let reads = 0;
    const uidOf = peerUids(async () => {
      reads += 1;
      return v4;
    });
    await Promise.all(Array.from({ length: 100 }, () => uidOf(ends)));
    assert.ok(reads <= 2, `${reads} readings`);
    const before = reads;
    await uidOf(ends);
    assert.equal(reads, before + 1);
  });

  it('is asked for again after a table that could not be read', async () => {
    let isBroken = true;
    const uidOf = peerUids(async () => {
      if (isBroken) throw new Error('no such file');
      return v4;
    });
    await assert.rejects(uidOf(ends), /no such file/);
    isBroken = false;
    assert.equal(await uidOf(ends), 1_000);
  });

  it('is ours on a connection of our own', async () => {
    const server = createServer();
    const client = connect(await listen(server), '127.0.0.1');
    const [accepted] = (await once(server, 'connection')) as [Ends];
    assert.equal(await peerUids()(accepted), process.getuid?.());
    client.destroy();
    server.close();
  });
});
