import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { deadlineAfter } from '../../src/client/deadline.ts';
import { dialFirst } from '../../src/client/dial.ts';
import { openSocketFolder } from '../../src/files/sockets/socket-folder.ts';
import { processContext } from '../../src/platform/process-context.ts';
import { respondWith, ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';
import { createTokenResult } from '../support/daemon/scripted-results.ts';
import { captureError } from '../support/problems.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

const dials = 400;

/** Points the link to each of the targets in turn, until it is terminated. */
const flipLinkScript = `
  const { renameSync, symlinkSync } = require('node:fs');
  const { link, targets } = require('node:worker_threads').workerData;
  for (let turn = 0; ; turn += 1) {
    symlinkSync(targets[turn % 2], link + '.new');
    renameSync(link + '.new', link);
    if (turn === 1) require('node:worker_threads').parentPort.postMessage('flipping');
  }`;

describe('dial through a folder of another user', () => {
  const folder = useTemporaryFolder();
  const context = { ...processContext(), env: {} };
  const answer = respondWith({ token: createTokenResult(60_000) });
  let own: ScriptedDaemon;
  let foreign: ScriptedDaemon;

  beforeEach(async () => {
    for (const name of ['own', 'foreign'])
      mkdirSync(join(folder(), name, 'iam-tokend'), { recursive: true, mode: 0o700 });
    own = await ScriptedDaemon.start(answer, join(folder(), 'own/iam-tokend/ipc.sock'));
    foreign = await ScriptedDaemon.start(answer, join(folder(), 'foreign/iam-tokend/ipc.sock'));
    // Untrusted for every user, root included.
    chmodSync(join(folder(), 'foreign/iam-tokend'), 0o777);
  });
  afterEach(async () => {
    await own.close();
    await foreign.close();
  });

  it('D8: reaches no other daemon while a link in the path changes between check and connect', async () => {
    const link = join(folder(), 'link');
    const targets = [join(folder(), 'own'), join(folder(), 'foreign')];
    const worker = new Worker(flipLinkScript, { eval: true, workerData: { link, targets } });
    await new Promise((resolve) => worker.once('message', resolve));
    try {
      for (let dial = 0; dial < dials; dial += 1) {
        // The folder is untrusted in about half of the attempts.
        await dialFirst([join(link, 'iam-tokend/ipc.sock')], true, context, deadlineAfter(5_000)).then(
          (connection) => connection.close(),
          () => undefined,
        );
      }
    } finally {
      await worker.terminate();
    }
    assert.equal(foreign.connectionCount, 0, `${own.connectionCount} connections to the own daemon`);
    assert.ok(own.connectionCount > 0);
  });

  for (const [name, isExplicit] of [
    ['an explicit path', true],
    ['a standard path', false],
  ] as const) {
    it(`D8: connects to the folder that was checked, though ${name} leads elsewhere by then`, async () => {
      const link = join(folder(), 'link');
      symlinkSync(join(folder(), 'own'), link);
      const input = { socketPath: join(link, 'iam-tokend/ipc.sock'), isExplicit, uid: context.uid };
      const { check, address, close } = openSocketFolder(input, context.platform);
      assert.equal(check.kind, 'private');
      renameSync(link, `${link}.old`);
      symlinkSync(join(folder(), 'foreign'), link);
      const socket = createConnection(address);
      await once(socket, 'connect');
      close();
      socket.destroy();
      await waitUntil(() => own.connectionCount === 1, 'the own daemon is reached');
      assert.equal(foreign.connectionCount, 0);
    });
  }

  it('D8: refuses a link in an explicit path where a folder cannot be held open', async () => {
    symlinkSync(join(folder(), 'own'), join(folder(), 'link'));
    const check = (socketPath: string, isExplicit: boolean): string => {
      const folderCheck = openSocketFolder({ socketPath, isExplicit, uid: context.uid }, 'darwin').check;
      return folderCheck.kind === 'untrusted' ? folderCheck.message : folderCheck.kind;
    };
    const path = join(folder(), 'link/iam-tokend/ipc.sock');
    assert.match(check(path, true), /^the path of the socket leads through a symbolic link: \/.*\/link$/);
    assert.equal(check(path, false), 'private');
    assert.equal(check(join(folder(), 'own/iam-tokend/ipc.sock'), true), 'private');
  });

  it('D8: refuses an explicit socket that is a link itself', async () => {
    symlinkSync(join(folder(), 'foreign/iam-tokend/ipc.sock'), join(folder(), 'own/iam-tokend/link'));
    const path = join(folder(), 'own/iam-tokend/link');
    const error = await captureError(dialFirst([path], true, context, deadlineAfter(5_000)));
    assert.equal(error.message, `the socket ${path} is a symbolic link`);
    assert.equal(error.hint, `name the socket itself: readlink -f '${path}'`);
    assert.equal(foreign.connectionCount, 0);
  });
});
