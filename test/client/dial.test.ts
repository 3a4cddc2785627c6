import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deadlineAfter } from '../../src/client/deadline.ts';
import { dialFirst } from '../../src/client/dial.ts';
import { requestToken } from '../../src/client/request-token.ts';
import { processContext } from '../../src/platform/process-context.ts';
import { encodeFrame } from '../../src/protocol/envelope.ts';
import type { IamTokenError } from '../../src/shared/errors.ts';
import { respondWith, ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';
import { createTokenResult } from '../support/daemon/scripted-results.ts';
import { captureError } from '../support/problems.ts';

const tokenResult = createTokenResult(12 * 60 * 60_000);

describe('dial', () => {
  const context = { ...processContext(), env: {} };
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'iam-tokend-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function connectError(socketPath: string): Promise<IamTokenError> {
    return captureError(requestToken({ socketPath }, context));
  }

  it('fails with a hint when no daemon listens', async () => {
    writeFileSync(join(folder, 'file.sock'), '');
    for (const [name, reason] of [
      ['none.sock', 'no socket at'],
      ['file.sock', 'connection refused at'],
      ['none/ipc.sock', 'no socket at'],
    ] as const) {
      const path = join(folder, name);
      const error = await connectError(path);
      assert.deepEqual(
        [error.code, error.message],
        ['unreachable', `iam-tokend is not running (${reason} ${path})`],
      );
      assert.equal(error.hint, `iam-tokend --socket '${path}' &`);
    }
  });

  it('does not connect to a socket in an untrusted folder', async () => {
    const daemon = await ScriptedDaemon.start(respondWith({ token: tokenResult }), join(folder, 'ipc.sock'));
    const link = join(folder, 'link');
    symlinkSync(folder, link);
    try {
      const cases: readonly (readonly [number, string, RegExp])[] = [
        [0o770, daemon.socketPath, /is writable by other users \(mode 0770\)/],
        [0o1777, daemon.socketPath, /is writable by other users \(mode 1777\)/],
        [0o700, join(link, 'ipc.sock'), /is a symbolic link/],
      ];
      for (const [mode, path, why] of cases) {
        chmodSync(folder, mode);
        const error = await connectError(path);
        assert.equal(error.code, 'unreachable');
        assert.match(error.message, why);
      }
      assert.equal(daemon.connectionCount, 0);
    } finally {
      await daemon.close();
    }
  });

  it('throws bad_request for an invalid socket path', async () => {
    assert.equal((await connectError(`/${'x'.repeat(103)}`)).code, 'bad_request');
    assert.equal((await connectError('/a\0b')).code, 'bad_request');
  });

  it('reads IAM_TOKEND_SOCKET and IAM_TOKEND_PROFILE, which options override', async () => {
    const daemon = await ScriptedDaemon.start(respondWith({ token: tokenResult }));
    try {
      const env = { IAM_TOKEND_SOCKET: daemon.socketPath, IAM_TOKEND_PROFILE: 'home' };
      await requestToken({}, { ...context, env });
      await requestToken({ profile: 'work' }, { ...context, env });
      assert.deepEqual(
        daemon.requests.map(({ params }) => params),
        [{ profile: 'home' }, { profile: 'work' }],
      );
      const error = await captureError(
        requestToken({ socketPath: join(folder, 'ipc.sock') }, { ...context, env }),
      );
      assert.equal(error.code, 'unreachable');
    } finally {
      await daemon.close();
    }
  });

  it('ignores an empty variable', async () => {
    const ownFolder = join(folder, 'iam-tokend');
    mkdirSync(ownFolder, { mode: 0o700 });
    const daemon = await ScriptedDaemon.start(
      respondWith({ token: tokenResult }),
      join(ownFolder, 'ipc.sock'),
    );
    try {
      const env = { IAM_TOKEND_SOCKET: '', IAM_TOKEND_PROFILE: '', XDG_RUNTIME_DIR: folder };
      await requestToken({}, { ...context, env });
      assert.deepEqual(daemon.requests[0]?.params, {});
    } finally {
      await daemon.close();
    }
  });

  it('tries the second path when no daemon listens at the first', async () => {
    for (const name of ['empty', 'dead', 'alive']) mkdirSync(join(folder, name), { mode: 0o700 });
    writeFileSync(join(folder, 'dead/ipc.sock'), '');
    const socketPathIn = (name: string): string => join(folder, name, 'ipc.sock');
    const livePath = socketPathIn('alive');
    const daemon = await ScriptedDaemon.start(respondWith({ token: tokenResult }), livePath);
    try {
      for (const first of ['none', 'empty', 'dead']) {
        const connection = await dialFirst(
          [socketPathIn(first), livePath],
          false,
          context,
          deadlineAfter(5_000),
        );
        connection.close();
      }
      const [missingPath, deadPath] = [socketPathIn('none'), socketPathIn('dead')];
      const error = await captureError(
        dialFirst([missingPath, deadPath], false, context, deadlineAfter(5_000)),
      );
      assert.deepEqual(
        [error.code, error.message, error.hint],
        [
          'unreachable',
          `iam-tokend is not running (no socket at ${missingPath}, connection refused at ${deadPath})`,
          'iam-tokend &',
        ],
      );
    } finally {
      await daemon.close();
    }
  });

  it('does not try the second path when the folder of the first is untrusted', async () => {
    for (const name of ['open', 'alive']) mkdirSync(join(folder, name), { mode: 0o700 });
    chmodSync(join(folder, 'open'), 0o755);
    const livePath = join(folder, 'alive/ipc.sock');
    const daemon = await ScriptedDaemon.start(respondWith({ token: tokenResult }), livePath);
    try {
      const paths = [join(folder, 'open/ipc.sock'), livePath];
      const error = await captureError(dialFirst(paths, false, context, deadlineAfter(5_000)));
      assert.match(error.message, /is accessible to other users/);
      assert.equal(daemon.connectionCount, 0);
    } finally {
      await daemon.close();
    }
  });

  it('retries while the queue of the socket is full', async () => {
    const socketPath = join(folder, 'ipc.sock');
    // Listens with a queue of one and accepts nothing until it reads a line.
    const busyServer = spawn('python3', [
      '-c',
      `import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(0)
print('listening', flush=True)
sys.stdin.readline()
while True:
    peer, _ = listener.accept()
    peer.recv(65536)
    peer.sendall(sys.argv[2].encode())
    peer.close()
`,
      socketPath,
      encodeFrame({ v: 1, id: 1, result: tokenResult }),
    ]);
    try {
      await new Promise((resolve) => {
        busyServer.stdout.once('data', resolve);
      });
      const pending = Array.from({ length: 8 }, () => requestToken({ socketPath }, context));
      const timeoutError = await captureError(requestToken({ socketPath, timeoutMs: 50 }, context));
      assert.deepEqual(
        [timeoutError.code, timeoutError.message],
        ['unreachable', `cannot connect to ${socketPath}: no answer within 50 ms`],
      );
      busyServer.stdin.write('\n');
      for (const result of await Promise.all(pending)) assert.deepEqual(result, tokenResult);
    } finally {
      busyServer.kill();
    }
  });
});
