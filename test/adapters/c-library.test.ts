import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type CLibrary, loadCLibrary } from '../../src/adapters/c-library.ts';
import { moduleUrl, runModule } from '../support/processes/run-module.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

/** Prints each datagram that it receives; Node has no Unix datagram sockets. */
const listener = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', chr(0)))
print('bound', flush=True)
while True: print(s.recv(4096).decode(), flush=True)
`;

describe('loadCLibrary', () => {
  const folder = useTemporaryFolder();
  const library = loadCLibrary('linux') as CLibrary;

  it('returns a library on Linux only', () => {
    assert.notEqual(library, null);
    for (const platform of ['darwin', 'win32'] as const) assert.equal(loadCLibrary(platform), null);
  });

  it('returns null if koffi does not load', async () => {
    const { stdout, stderr } = await runModule(
      `import Module from 'node:module';
       const load = Module._load;
       Module._load = (name, ...rest) => { if (name === 'koffi') throw new Error('no'); return load(name, ...rest); };
       const { loadCLibrary } = await import(input);
       console.log(loadCLibrary('linux'));`,
      moduleUrl('adapters/c-library'),
    );
    assert.equal(stdout, 'null\n', stderr);
  });

  it('returns the uid of a peer, and null for a closed connection', async () => {
    const server = createServer().listen(join(folder(), 'socket'));
    const client = connect(join(folder(), 'socket'));
    const [socket] = (await once(server, 'connection')) as [Socket];
    assert.deepEqual(library.getPeerCredentials(socket), { pid: process.pid, uid: process.getuid?.() });
    client.destroy();
    socket.destroy();
    assert.equal(library.getPeerCredentials(socket), null);
    server.close();
  });

  it('returns free memory to the system, and only that', () => {
    const kept = Buffer.alloc(1024 * 1024, 'x');
    library.trimMemory();
    assert.ok(kept.every((byte) => byte === 0x78));
  });

  it('returns the address that a peer has bound, and null without one', async () => {
    const path = join(folder(), 'socket');
    const server = createServer().listen(path);
    const bindAndConnect = `
import socket, sys
for address in sys.argv[2:]:
    s = socket.socket(socket.AF_UNIX)
    if address: s.bind(address.replace('@', chr(0)))
    s.connect(sys.argv[1])
    s.recv(1)`;
    const addresses = ['@1f/unit/a.service/b', join(folder(), 'client'), ''];
    spawn('/usr/bin/python3', ['-c', bindAndConnect, path, ...addresses]);
    for (const address of addresses) {
      const [socket] = (await once(server, 'connection')) as [Socket];
      assert.equal(library.getPeerAddress(socket), address === '' ? null : address);
      socket.destroy();
      assert.equal(library.getPeerAddress(socket), null);
    }
    server.close();
  });

  it('protects the memory of the process, and disables core dumps for it and its children', async () => {
    const { stdout, stderr } = await runModule(
      `import { execFileSync } from 'node:child_process';
       const { loadCLibrary } = await import(input);
       console.log(loadCLibrary('linux').protectMemory(), execFileSync('sh', ['-c', 'ulimit -c; ulimit -Hc'], { encoding: 'utf8' }));`,
      moduleUrl('adapters/c-library'),
    );
    assert.equal(stdout, 'true 0\n0\n\n', stderr);
  });

  for (const kind of ['a path', 'an abstract name']) {
    it(`notifies a service manager that listens at ${kind}`, async () => {
      const address = `${kind === 'a path' ? '' : '@'}${join(folder(), 'notify')}`;
      const receiver = spawn('python3', ['-c', listener, address], { stdio: ['ignore', 'pipe', 'inherit'] });
      const lines = createInterface(receiver.stdout);
      assert.deepEqual(await once(lines, 'line'), ['bound']);
      const notify = library.createSdNotify(address, (reason) => assert.fail(reason));
      for (const state of ['READY=1', 'WATCHDOG=1']) {
        const line = once(lines, 'line');
        await notify(state);
        assert.deepEqual(await line, [state]);
      }
      receiver.kill();
    });
  }

  it('reports a notify socket without a listener', async () => {
    const errors: string[] = [];
    await library.createSdNotify(join(folder(), 'missing'), (reason) => errors.push(reason))('READY=1');
    assert.deepEqual(errors, ['cannot notify systemd of READY=1: sendto failed with error 2']);
  });
});
