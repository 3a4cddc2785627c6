import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { prepareSocketAgain } from '../../../src/daemon/instance/prepare-socket.ts';
import { SocketWatch } from '../../../src/daemon/instance/socket-watch.ts';
import { createDaemonRecord, readDaemonRecord } from '../../../src/files/daemon-record.ts';
import { SocketListener } from '../../../src/files/sockets/socket-listener.ts';
import { createLocks, uid } from '../../support/daemon/lock-holder.ts';
import { createFakeLog } from '../../support/fake-log.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { createTestClock } from '../../support/time/test-clock.ts';

/** The documents state this. */
const noticeMs = 30_000;

describe('A3: socket watch', () => {
  const folder = useTemporaryFolder();
  const socketPath = (): string => join(folder(), 'run', 'ipc.sock');
  const recordPath = (): string => join(folder(), 'daemon.json');
  let sockets: Socket[] = [];
  let servers: { close(): unknown }[] = [];

  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
    sockets = [];
    servers = [];
  });

  const createEchoServer = (): Server =>
    createServer((socket) => {
      sockets.push(socket);
      socket.pipe(socket);
    });

  async function startWatch() {
    const log = createFakeLog();
    const clock = createTestClock();
    const locks = createLocks();
    const owner = { platform: process.platform, uid };
    const listener = new SocketListener({
      createServer: createEchoServer,
      listenOn: { path: socketPath() },
      onError: (error) => assert.fail(error.message),
    });
    servers.push(listener);
    mkdirSync(dirname(socketPath()), { mode: 0o700, recursive: true });
    await locks.acquire(`${socketPath()}.lock`);
    await listener.listen();
    const watch = new SocketWatch({
      clock,
      log,
      locks,
      sockets: [
        {
          path: socketPath(),
          listener,
          isPassed: false,
          prepareAgain: () => prepareSocketAgain(socketPath(), owner, locks, log),
        },
      ],
      recordPath: recordPath(),
      record: createDaemonRecord(socketPath()),
    });
    await watch.listen();
    /** Waits for the check that the alarm starts. */
    const advance = async (): Promise<void> => {
      clock.advance(noticeMs);
      await watch.check();
    };
    return { watch, log, advance, listener };
  }

  async function connectTo(path: string): Promise<Socket> {
    const socket = connect(path);
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  }

  async function expectEcho(socket: Socket): Promise<void> {
    socket.write('ping');
    assert.equal(String((await once(socket, 'data'))[0]), 'ping');
  }

  const expectService = async (): Promise<void> => expectEcho(await connectTo(socketPath()));

  const damages: readonly (readonly [name: string, damage: () => void])[] = [
    ['its socket is removed', () => rmSync(socketPath())],
    ['its folder is removed', () => rmSync(dirname(socketPath()), { recursive: true })],
    ['its folder is renamed', () => renameSync(dirname(socketPath()), join(folder(), 'gone'))],
    [
      'a file is in place of its socket',
      () => {
        rmSync(socketPath());
        writeFileSync(socketPath(), 'precious');
      },
    ],
    [
      'a link is in place of its socket',
      () => {
        renameSync(socketPath(), `${socketPath()}.moved`);
        symlinkSync(`${socketPath()}.moved`, socketPath());
      },
    ],
    [
      'a file is in place of its folder',
      () => {
        rmSync(dirname(socketPath()), { recursive: true });
        writeFileSync(dirname(socketPath()), 'precious');
      },
    ],
    [
      'an abandoned socket is in place of its socket',
      () => {
        // Closing the server would remove its file.
        renameSync(socketPath(), `${socketPath()}.moved`);
        const abandoned = createServer().listen(`${socketPath()}.x`);
        renameSync(`${socketPath()}.x`, socketPath());
        abandoned.close();
      },
    ],
  ];

  for (const [name, damage] of damages) {
    it(`listens again within 30 s when ${name}, and keeps its connections`, async () => {
      const { advance, log } = await startWatch();
      const connection = await connectTo(socketPath());
      await expectEcho(connection);
      damage();
      await advance();
      await expectService();
      await expectEcho(connection);
      assert.deepEqual(
        [lstatSync(socketPath()).mode & 0o777, statSync(dirname(socketPath())).mode & 0o777],
        [0o600, 0o700],
      );
      assert.ok(log.lines.includes(`warn listening again on ${socketPath()}, which was removed or replaced`));
    });
  }

  it('keeps a file that was in the way under another name', async () => {
    const { advance } = await startWatch();
    rmSync(socketPath());
    writeFileSync(socketPath(), 'precious');
    await advance();
    const name = readdirSync(dirname(socketPath())).find((entry) => entry.includes('.old-')) ?? '';
    assert.equal(readFileSync(join(dirname(socketPath()), name), 'utf8'), 'precious');
  });

  it('listens again each time, without leaving an open descriptor', async () => {
    const { advance, listener } = await startWatch();
    for (let i = 0; i < 5; i++) {
      rmSync(socketPath());
      await advance();
      await expectService();
    }
    for (const socket of sockets) socket.destroy();
    await new Promise(setImmediate);
    assert.ok(listener.servers.length <= 2, String(listener.servers.length));
  });

  it('never takes a live socket of another program, and logs that once', async () => {
    const { advance, log, watch } = await startWatch();
    rmSync(socketPath());
    const other = createServer().listen(socketPath());
    servers.push(other);
    await once(other, 'listening');
    const { ino } = lstatSync(socketPath());
    await advance();
    await advance();
    assert.equal(lstatSync(socketPath()).ino, ino);
    const warning = `warn another program is listening on ${socketPath()}`;
    assert.deepEqual(
      log.lines.filter((line) => line.startsWith('warn')),
      [warning],
    );
    await watch.close();
    assert.equal(lstatSync(socketPath()).ino, ino);
  });

  it('does not remove a socket that another program has put in its place when it closes', async () => {
    const { listener } = await startWatch();
    rmSync(socketPath());
    const other = createServer().listen(socketPath());
    servers.push(other);
    await once(other, 'listening');
    await listener.close();
    assert.ok(lstatSync(socketPath()).isSocket());
  });

  it('writes daemon.json, restores it, and removes it at the end unless it is of another daemon', async () => {
    const { advance, watch } = await startWatch();
    assert.equal(readDaemonRecord(recordPath())?.record.pid, process.pid);
    assert.equal(statSync(recordPath()).mode & 0o777, 0o600);
    rmSync(recordPath());
    await advance();
    assert.ok(existsSync(recordPath()));
    await watch.close();
    assert.equal(existsSync(recordPath()), false);
    writeFileSync(recordPath(), 'other');
    await watch.close();
    assert.ok(existsSync(recordPath()));
  });

  it('closes although daemon.json cannot be removed', async () => {
    const { watch } = await startWatch();
    chmodSync(recordPath(), 0o644);
    chmodSync(folder(), 0o555);
    const isRoot = uid === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      await watch.close();
    } finally {
      if (isRoot) process.seteuid?.(0);
      chmodSync(folder(), 0o700);
    }
    assert.ok(existsSync(recordPath()));
  });

  it('creates a removed lock file again', async () => {
    const { advance } = await startWatch();
    rmSync(`${socketPath()}.lock`);
    await advance();
    assert.ok(existsSync(`${socketPath()}.lock`));
  });
});
