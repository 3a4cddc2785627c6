import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { findListenerCommand, findListeningUid } from '../../src/http/listening-user.ts';
import { closeServer, listenOnLoopback } from '../support/network/loopback.ts';

/** As the kernel prints it; port 8099 is 1FA3. */
const tables = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1FA3 0100007F:D431 01 00000000:00000000 00:00000000 00000000     7        0 1 1 0000000000000000 20
   1: 0100007F:1FA3 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 2 1 0000000000000000 100
`;

describe('the user that listens at a port', () => {
  it('C4: is that of the listening socket', async () => {
    assert.equal(await findListeningUid(8_099, async () => tables), 1_001);
    assert.equal(await findListeningUid(80, async () => tables), null);
    assert.equal(await findListeningUid(80, () => Promise.reject(new Error('no /proc'))), null);
  });

  it('C4: is found in the tables of this machine', async function () {
    if (process.platform !== 'linux') this.skip();
    const server = createServer();
    const port = await listenOnLoopback(server);
    assert.equal(await findListeningUid(port), process.getuid?.());
    await closeServer(server);
  });

  it('C4: has a command for each platform', () => {
    assert.equal(findListenerCommand(8_099, true, 'linux'), "sudo ss -Hltnp 'sport = :8099'");
    assert.equal(findListenerCommand(8_099, false, 'linux'), "ss -Hltnp 'sport = :8099'");
    assert.equal(findListenerCommand(8_099, false, 'darwin'), 'lsof -nP -iTCP:8099 -sTCP:LISTEN');
    assert.equal(findListenerCommand(8_099, true, 'win32'), 'netstat -ano -p tcp | findstr :8099');
  });
});
