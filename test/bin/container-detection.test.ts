import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { loadCLibrary } from '../../src/adapters/c-library.ts';
import { ContainerDetection } from '../../src/bin/iam-tokend/container-detection.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const connectScript = "require('node:net').connect(process.argv[1]); setInterval(() => {}, 1_000);";

describe('D1: container detection', () => {
  const folder = useTemporaryFolder();
  const cLibrary = loadCLibrary('linux');
  const oldKernel = { openPeerPidFd: () => 'unsupported' as const };
  let server: Server;
  let client: ChildProcess;
  let socket: Socket;

  beforeEach(async () => {
    const path = join(folder(), 'ipc.sock');
    server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(path);
    await once(server, 'listening');
    const connection = once(server, 'connection');
    client = spawn(process.execPath, ['-e', connectScript, path]);
    [socket] = (await connection) as [Socket];
  });
  afterEach(() => {
    client.kill('SIGKILL');
    socket.destroy();
    server.close();
  });

  function watch(
    pid = client.pid ?? 0,
    library: Parameters<ContainerDetection['watch']>[2] | null = cLibrary,
  ) {
    assert.ok(library !== null, 'koffi is installed');
    return ContainerDetection.create('linux')?.watch(socket, pid, library) ?? assert.fail('not available');
  }

  async function endClient(): Promise<void> {
    const exit = once(client, 'exit');
    client.kill('SIGKILL');
    await exit;
  }

  for (const [name, library] of [
    ['that identifies the process', cLibrary],
    ['before 6.5', oldKernel],
  ] as const) {
    it(`finds no container for a program of the session, on a kernel ${name}`, () => {
      assert.equal(watch(client.pid, library)(), null);
    });

    it(`takes a program that has ended for one in a container, on a kernel ${name}`, async () => {
      const findContainer = watch(client.pid, library);
      await endClient();
      assert.match(findContainer() ?? '', /^process \d+, which has ended or is hidden$/);
    });

    it(`takes a program without a visible pid for one in a container, on a kernel ${name}`, () => {
      assert.equal(watch(0, library)(), 'a process in another pid namespace');
    });
  }

  it('does not take another process for the peer whose pid it has', () => {
    // As if the kernel had given the pid of the peer to this process of the session.
    assert.match(watch(process.pid)() ?? '', /which has ended or is hidden/);
  });

  it('is not available on other systems', () => {
    assert.equal(ContainerDetection.create('darwin'), null);
  });
});
