import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canRunAsOtherUser, otherUid } from '../../support/processes/other-user.ts';
import { readProcFile, findProcesses } from '../../support/processes/process-table.ts';
import { type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

const daemonProgram = fileURLToPath(new URL('../../../bin/iam-tokend.js', import.meta.url));
const thirdUid = 65_534;
/** Reads eight bytes of the memory of a process, if permitted. */
const readMemoryScript = `
import re, sys
pid = sys.argv[1]
start = int(re.match('[0-9a-f]+', open(f'/proc/{pid}/maps').readline()).group(), 16)
memory = open(f'/proc/{pid}/mem', 'rb')
memory.seek(start)
print(len(memory.read(8)))
`;
/** Sends a hundred requests, each over its own connection; prints the number of responses. */
const hundredRequestsScript = `
let responses = 0;
for (let i = 0; i < 100; i++) {
  await new Promise((resolve) => {
    const socket = require('node:net').connect(process.argv[1]);
    socket.on('error', () => {}).on('close', resolve).on('data', () => { responses += 1; socket.destroy(); });
    socket.write('{"type":"iam-token","data":{"v":1,"id":1,"method":"hello"}}\\f');
  });
}
console.log(responses);
`;

const httpRequestScript = `
require('node:http').get({ socketPath: process.argv[1], path: '/nothing' }, ({ statusCode }) => console.log(statusCode))
  .on('error', () => console.log('closed'));
`;

describe('daemon hardening', () => {
  let testEnv: TestEnvironment;
  afterEach(async () => testEnv?.stop());

  /** The output of a process of user `uid`, or the end of its stderr if it fails. */
  function runAsUser(uid: number, program: string, args: readonly string[]): string {
    const options = { uid, gid: uid, cwd: '/', encoding: 'utf8' } as const;
    const { status, stdout, stderr } = spawnSync(program, args, options);
    return status === 0 ? stdout.trim() : stderr.trim().slice(-200);
  }

  const countResponses = (uid: number): string =>
    runAsUser(uid, process.execPath, [
      '-e',
      `(async () => {${hundredRequestsScript}})()`,
      testEnv.socketPath,
    ]);

  /** Opens the socket and every folder above it to all users. */
  function loosenPermissions(): void {
    for (const folder of [testEnv.folder, dirname(dirname(testEnv.socketPath)), dirname(testEnv.socketPath)])
      chmodSync(folder, 0o777);
    chmodSync(testEnv.socketPath, 0o777);
  }

  it('never opens its socket to other users, from the creation of its folder on', async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    const tracePath = join(testEnv.folder, 'trace');
    const tracedCalls =
      '--trace=umask,mkdir,mkdirat,bind,listen,chmod,fchmod,fchmodat,chown,fchown,fchownat,rename';
    const daemon = spawn(
      'strace',
      [
        '--follow-forks',
        // Else a call of another thread cuts a line in two: "umask(0177 <unfinished ...>".
        '--output-separately',
        `--output=${tracePath}`,
        tracedCalls,
        process.execPath,
        daemonProgram,
        '--store',
        'memory',
      ],
      { env: testEnv.environment, stdio: 'ignore' },
    );
    await waitUntil(async () => (await testEnv.iamToken(['profiles'])).code === 0, 'it responds');
    await testEnv.iamToken(['stop']);
    await waitUntil(() => daemon.exitCode !== null, 'it has exited');
    const folder = dirname(testEnv.socketPath);
    const lines = readdirSync(testEnv.folder)
      .filter((name) => name.startsWith('trace.'))
      .flatMap((name) => readFileSync(join(testEnv.folder, name), 'utf8').split('\n'))
      .filter((line) => line.includes(folder) || line.includes('umask('))
      .map((line) => line.replace(/ += .*$/, ''));
    const bindIndex = lines.findIndex(
      (line) => line.startsWith('bind(') && line.includes(testEnv.socketPath),
    );
    assert.match(
      lines.findLast((line, index) => index < bindIndex && line.startsWith('umask(')) ?? '',
      /\(0177\)/,
    );
    const otherCalls = lines.filter((line, index) => index !== bindIndex && !line.startsWith('umask('));
    assert.deepEqual(otherCalls, [`mkdir("${folder}", 0700)`]);
  });

  it('rejects every request of another user, even if the permissions allow it', async function () {
    if (!canRunAsOtherUser()) this.skip();
    testEnv = await startTestEnvironment({
      store: 'memory',
      uid: otherUid,
      config: 'http: { socket: true }\n',
    });
    await testEnv.startDaemon();
    loosenPermissions();
    assert.equal(countResponses(otherUid), '100');
    assert.equal(countResponses(0), '100', 'root may connect');
    assert.equal(countResponses(thirdUid), '0');
    const httpSocket = join(dirname(testEnv.socketPath), 'http', 'http.sock');
    const curl = (uid: number): string =>
      runAsUser(uid, process.execPath, ['-e', httpRequestScript, httpSocket]);
    for (const path of [dirname(httpSocket), httpSocket]) chmodSync(path, 0o777);
    assert.deepEqual([otherUid, 0, thirdUid].map(curl), ['404', '404', 'closed']);
    assert.match(testEnv.readLog(), /another user \(uid 65534\)/);
  });

  it('works without koffi, and shows in status what it does not enforce', async function () {
    if (!canRunAsOtherUser()) this.skip();
    testEnv = await startTestEnvironment({ store: 'memory', uid: otherUid });
    const hookPath = join(testEnv.folder, 'without-koffi.cjs');
    writeFileSync(
      hookPath,
      `const Module = require('node:module'); const load = Module._load;
      Module._load = (name, ...rest) => { if (name === 'koffi') throw new Error('missing'); return load(name, ...rest); };`,
    );
    const pid = await testEnv.startDaemon([], { NODE_OPTIONS: `--require=${hookPath}` });
    const { stdout } = await testEnv.iamToken(['status']);
    assert.match(stdout, /^ +peers +not enforced$/m);
    assert.match(stdout, /^ +memory +not enforced$/m);
    assert.match(stdout, /^ +containers +not enforced$/m);
    const { stdout: json } = await testEnv.iamToken(['status', '--json']);
    const { daemon } = JSON.parse(json) as { daemon: { protection: unknown; containers: unknown } };
    assert.deepEqual(daemon.protection, { peers: 'not enforced', memory: 'not enforced' });
    assert.equal(daemon.containers, 'not enforced');
    loosenPermissions();
    assert.equal(countResponses(thirdUid), '100');
    assert.equal(runAsUser(otherUid, 'python3', ['-c', readMemoryScript, String(pid)]), '8');
  });

  it('closes its memory and that of its helper to processes of the same user', async function () {
    if (!canRunAsOtherUser()) this.skip();
    testEnv = await startTestEnvironment({ store: 'memory', uid: otherUid });
    const pid = await testEnv.startDaemon(['--store', 'keychain']);
    assert.match(
      (await testEnv.iamToken(['status'])).stdout,
      /^ +peers +own user only\n +memory +closed to debuggers$/m,
    );
    await waitUntil(() => findProcesses('keychain-helper', pid).length === 1, 'the helper runs');
    const [helper = 0] = findProcesses('keychain-helper', pid);
    for (const targetPid of [pid, helper]) {
      const permissionDenied = /PermissionError: .*Permission denied/;
      await waitUntil(
        () =>
          permissionDenied.test(runAsUser(otherUid, 'python3', ['-c', readMemoryScript, String(targetPid)])),
        'access is denied',
      );
      assert.match(readProcFile(targetPid, 'limits'), /^Max core file size +0 +0 /m);
      assert.match(readProcFile(targetPid, 'status'), /^Umask:\t0077$/m);
    }
    // SIGUSR1 opens the inspector of Node by default.
    for (const targetPid of [pid, helper]) process.kill(targetPid, 'SIGUSR1');
    await testEnv.iamToken(['status']);
    for (const targetPid of [pid, helper]) assert.deepEqual(listListeningPorts(targetPid), []);
  });

  it('closes an inspector that was opened while Node started', async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    // Node handles the signal from its first module on; the daemon is the next module.
    const hookPath = join(testEnv.folder, 'signal.cjs');
    writeFileSync(
      hookPath,
      `process.kill(process.pid, 'SIGUSR1');
      while (require('node:inspector').url() === undefined) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);`,
    );
    const pid = await testEnv.startDaemon([], { NODE_OPTIONS: `--require=${hookPath}` });
    await waitUntil(async () => (await testEnv.iamToken(['profiles'])).code === 0, 'it responds');
    assert.deepEqual(listListeningPorts(pid), []);
  });
});

/** TCP ports that a process listens on. */
function listListeningPorts(pid: number): readonly string[] {
  const { stdout } = spawnSync('ls', ['-l', `/proc/${pid}/fd`], { encoding: 'utf8' });
  const inodes = new Set([...stdout.matchAll(/socket:\[(\d+)\]/g)].map(([, inode]) => inode));
  const socketRows = ['net/tcp', 'net/tcp6'].flatMap((name) => readProcFile(pid, name).split('\n').slice(1));
  return socketRows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && inodes.has(inode ?? ''))
    .map(([, address]) => String(address));
}
