import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type CLibrary, loadCLibrary } from '../../src/adapters/c-library.ts';
import { moduleUrl, runModule } from '../support/run-module.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A datagram socket, which Node does not have: prints what comes. */
const listener = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', chr(0)))
print('bound', flush=True)
while True: print(s.recv(4096).decode(), flush=True)
`;

describe('the C library', () => {
  const folder = temporaryFolder();
  const library = loadCLibrary('linux') as CLibrary;

  it('is there on Linux alone', () => {
    assert.notEqual(library, null);
    for (const platform of ['darwin', 'win32'] as const) assert.equal(loadCLibrary(platform), null);
  });

  it('is none where koffi does not load', async () => {
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

  it('knows whose process is at the other end, and nothing of a connection that is gone', async () => {
    const server = createServer().listen(join(folder(), 'socket'));
    const client = connect(join(folder(), 'socket'));
    const [socket] = (await once(server, 'connection')) as [Socket];
    assert.equal(library.peerUid(socket), process.getuid?.());
    client.destroy();
    socket.destroy();
    assert.equal(library.peerUid(socket), null);
    server.close();
  });

  it('hides the memory of a process, and takes its core and that of its children away', async () => {
    const { stdout, stderr } = await runModule(
      `import { execFileSync } from 'node:child_process';
       const { loadCLibrary } = await import(input);
       console.log(loadCLibrary('linux').hideMemory(), execFileSync('sh', ['-c', 'ulimit -c; ulimit -Hc'], { encoding: 'utf8' }));`,
      moduleUrl('adapters/c-library'),
    );
    assert.equal(stdout, 'true 0\n0\n\n', stderr);
  });

  for (const kind of ['a path', 'an abstract name']) {
    it(`tells the manager that listens at ${kind} how we are`, async () => {
      const address = `${kind === 'a path' ? '' : '@'}${join(folder(), 'notify')}`;
      const manager = spawn('python3', ['-c', listener, address], { stdio: ['ignore', 'pipe', 'inherit'] });
      const lines = createInterface(manager.stdout);
      assert.deepEqual(await once(lines, 'line'), ['bound']);
      const notify = library.notifier(address, (reason) => assert.fail(reason));
      for (const state of ['READY=1', 'WATCHDOG=1']) {
        const line = once(lines, 'line');
        await notify(state);
        assert.deepEqual(await line, [state]);
      }
      manager.kill();
    });
  }

  it('says where nobody listens, and goes on', async () => {
    const faults: string[] = [];
    await library.notifier(join(folder(), 'nobody'), (reason) => faults.push(reason))('READY=1');
    assert.deepEqual(faults, ['systemd is not told READY=1: error 2 of sendto']);
  });
});
