import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { findListenerCommand, findListeningUid } from '../../src/http/listening-user.ts';
import { closeServer, listenOnLoopback } from '../support/network/loopback.ts';

/** As the kernel of a little-endian machine prints it; port 8099 is 1FA3. */
const tables = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1FA3 0100007F:D431 01 00000000:00000000 00:00000000 00000000     7        0 1 1 0000000000000000 20
   1: 0200007F:1FA3 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1002        0 3 1 0000000000000000 100
   2: 0100007F:1FA3 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 2 1 0000000000000000 100
   0: 00000000000000000000000001000000:1FA3 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1003        0 4 1 0000000000000000 100
   2: 0000A0FE0000000000000000050000AB:1FA3 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1005        0 4 1 0000000000000000 100
   1: 00000000000000000000000000000000:1FA4 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1004        0 5 1 0000000000000000 100
`;

describe('the user that listens at a port', () => {
  for (const [host, port, uid] of [
    ['127.0.0.1', 8_099, 1_001],
    ['127.0.0.2', 8_099, 1_002],
    ['127.0.0.3', 8_099, null],
    ['::1', 8_099, 1_003],
    ['127.0.0.1', 8_100, 1_004],
    ['::1', 8_100, 1_004],
    ['127.0.0.1', 80, null],
    ['fea0::ab00:5', 8_099, 1_005],
    ['fea0:0:0::ab00:5%eth0', 8_099, 1_005],
    ['fea0::ab00:6', 8_099, null],
  ] as const)
    it(`C4: is that of the socket that listens at ${host}, port ${port}, or at all addresses`, async () => {
      assert.equal(await findListeningUid({ host, port }, async () => tables), uid);
    });

  it('C4: is that of any socket at the port, for a server at all addresses', async () => {
    for (const host of ['0.0.0.0', '::'])
      assert.equal(await findListeningUid({ host, port: 8_099 }, async () => tables), 1_002);
  });

  it('C4: is unknown without /proc', async () => {
    const address = { host: '127.0.0.1', port: 80 };
    assert.equal(await findListeningUid(address, () => Promise.reject(new Error('no /proc'))), null);
  });

  it('C4: is found in the tables of this machine', async function () {
    if (process.platform !== 'linux') this.skip();
    const server = createServer();
    const port = await listenOnLoopback(server);
    assert.equal(await findListeningUid({ host: '127.0.0.1', port }), process.getuid?.());
    assert.equal(await findListeningUid({ host: '127.0.0.2', port }), null);
    await closeServer(server);
  });

  it('C4: has a command for each platform', () => {
    assert.equal(findListenerCommand(8_099, true, 'linux'), "sudo ss -Hltnp 'sport = :8099'");
    assert.equal(findListenerCommand(8_099, false, 'linux'), "ss -Hltnp 'sport = :8099'");
    assert.equal(findListenerCommand(8_099, false, 'darwin'), 'lsof -nP -iTCP:8099 -sTCP:LISTEN');
    assert.equal(findListenerCommand(8_099, true, 'win32'), 'netstat -ano -p tcp | findstr :8099');
  });
});
