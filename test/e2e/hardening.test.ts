import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canBeOther, otherUid } from '../support/other-user.ts';
import { procFile, processesWith } from '../support/processes.ts';
import { type RunningHouse, startHouse } from '../support/running-house.ts';
import { until } from '../support/until.ts';

const daemonProgram = fileURLToPath(new URL('../../bin/iam-tokend.js', import.meta.url));
const nobody = 65_534;
/** Reads a word of a process' memory, wherever it may. */
const readMemory = `
import re, sys
pid = sys.argv[1]
start = int(re.match('[0-9a-f]+', open(f'/proc/{pid}/maps').readline()).group(), 16)
memory = open(f'/proc/{pid}/mem', 'rb')
memory.seek(start)
print(len(memory.read(8)))
`;
/** Asks a hundred times, each over a connection of its own; prints how often it was answered. */
const askHundredTimes = `
let answered = 0;
for (let i = 0; i < 100; i++) {
  await new Promise((over) => {
    const socket = require('node:net').connect(process.argv[1]);
    socket.on('error', () => {}).on('close', over).on('data', () => { answered += 1; socket.destroy(); });
    socket.write('{"type":"iam-token","data":{"v":1,"id":1,"method":"hello"}}\\f');
  });
}
console.log(answered);
`;

const askHttp = `
require('node:http').get({ socketPath: process.argv[1], path: '/nothing' }, ({ statusCode }) => console.log(statusCode))
  .on('error', () => console.log('closed'));
`;

describe('the daemon keeps others out', function () {
  this.timeout(30_000);
  let house: RunningHouse;
  afterEach(async () => house?.stop());

  /** What another process of user `uid` prints; the end of its stderr where it fails. */
  function asUser(uid: number, program: string, args: readonly string[]): string {
    const options = { uid, gid: uid, cwd: '/', encoding: 'utf8' } as const;
    const { status, stdout, stderr } = spawnSync(program, args, options);
    return status === 0 ? stdout.trim() : stderr.trim().slice(-200);
  }

  const asks = (uid: number): string =>
    asUser(uid, process.execPath, ['-e', `(async () => {${askHundredTimes}})()`, house.socketPath]);

  /** Loosens every right on the way to the socket. */
  function open(): void {
    for (const folder of [house.folder, dirname(dirname(house.socketPath)), dirname(house.socketPath)])
      chmodSync(folder, 0o777);
    chmodSync(house.socketPath, 0o777);
  }

  it('has a socket that was never open, from the call on that made its folder', async () => {
    house = await startHouse({ store: 'memory' });
    const trace = join(house.folder, 'trace');
    const calls =
      '--trace=umask,mkdir,mkdirat,bind,listen,chmod,fchmod,fchmodat,chown,fchown,fchownat,rename';
    const daemon = spawn(
      'strace',
      ['--follow-forks', `--output=${trace}`, calls, process.execPath, daemonProgram, '--store', 'memory'],
      { env: house.environment, stdio: 'ignore' },
    );
    await until(async () => (await house.iamToken(['profiles'])).code === 0, 'it listens');
    await house.iamToken(['stop']);
    await until(() => daemon.exitCode !== null, 'it has ended');
    const folder = dirname(house.socketPath);
    const lines = readFileSync(trace, 'utf8')
      .split('\n')
      .filter((line) => line.includes(folder) || line.includes('umask('))
      .map((line) => line.replace(/^\d+ +/, '').replace(/ += .*$/, ''));
    const bound = lines.findIndex((line) => line.startsWith('bind(') && line.includes(house.socketPath));
    assert.match(lines.findLast((line, at) => at < bound && line.startsWith('umask(')) ?? '', /\(0177\)/);
    const others = lines.filter((line, at) => at !== bound && !line.startsWith('umask('));
    assert.deepEqual(others, [`mkdir("${folder}", 0700)`]);
  });

  it('refuses each of a hundred requests of another user, though every right is loosened', async function () {
    if (!canBeOther()) this.skip();
    house = await startHouse({ store: 'memory', uid: otherUid, config: 'http: { socket: true }\n' });
    await house.startDaemon();
    open();
    assert.equal(asks(otherUid), '100');
    assert.equal(asks(0), '100', 'root can be anybody');
    assert.equal(asks(nobody), '0');
    const httpSocket = join(dirname(house.socketPath), 'http.sock');
    const curl = (uid: number): string => asUser(uid, process.execPath, ['-e', askHttp, httpSocket]);
    chmodSync(httpSocket, 0o777);
    assert.deepEqual([otherUid, 0, nobody].map(curl), ['404', '404', 'closed']);
    assert.equal(house.log().match(/another user \(uid 65534\)/g)?.length, 101);
  });

  it('says what it does not enforce where koffi is missing, and works', async function () {
    if (!canBeOther()) this.skip();
    house = await startHouse({ store: 'memory', uid: otherUid });
    const hook = join(house.folder, 'without-koffi.cjs');
    writeFileSync(
      hook,
      `const Module = require('node:module'); const load = Module._load;
      Module._load = (name, ...rest) => { if (name === 'koffi') throw new Error('missing'); return load(name, ...rest); };`,
    );
    const pid = await house.startDaemon([], { NODE_OPTIONS: `--require=${hook}` });
    const { stdout } = await house.iamToken(['status']);
    assert.match(stdout, /^ +peers +not enforced$/m);
    assert.match(stdout, /^ +memory +not enforced$/m);
    const { stdout: json } = await house.iamToken(['status', '--json']);
    const { daemon } = JSON.parse(json) as { daemon: { protection: unknown } };
    assert.deepEqual(daemon.protection, { peers: 'not enforced', memory: 'not enforced' });
    open();
    assert.equal(asks(nobody), '100');
    assert.equal(asUser(otherUid, 'python3', ['-c', readMemory, String(pid)]), '8');
  });

  it('lets no process of the same user read its memory, or that of its helper', async function () {
    if (!canBeOther()) this.skip();
    house = await startHouse({ store: 'memory', uid: otherUid });
    const pid = await house.startDaemon(['--store', 'keychain']);
    assert.match((await house.iamToken(['status'])).stdout, /^ +peers +own uid\n +memory +closed$/m);
    await until(() => processesWith('keychain-helper', pid).length === 1, 'the helper runs');
    const [helper = 0] = processesWith('keychain-helper', pid);
    for (const each of [pid, helper]) {
      const refused = /PermissionError: .*Permission denied/;
      await until(
        () => refused.test(asUser(otherUid, 'python3', ['-c', readMemory, String(each)])),
        'refused',
      );
      assert.match(procFile(each, 'limits'), /^Max core file size +0 +0 /m);
      assert.match(procFile(each, 'status'), /^Umask:\t0077$/m);
    }
    // What opens Node's inspector elsewhere opens none here.
    for (const each of [pid, helper]) process.kill(each, 'SIGUSR1');
    await house.iamToken(['status']);
    for (const each of [pid, helper]) assert.deepEqual(listeningPorts(each), []);
  });

  it('has no inspector, though one was opened while Node itself was starting', async () => {
    house = await startHouse({ store: 'memory' });
    // Node has a handler for the signal once it reads its first module, and ours is the next.
    const hook = join(house.folder, 'signal.cjs');
    writeFileSync(
      hook,
      `process.kill(process.pid, 'SIGUSR1');
      while (require('node:inspector').url() === undefined) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);`,
    );
    const pid = await house.startDaemon([], { NODE_OPTIONS: `--require=${hook}` });
    await until(async () => (await house.iamToken(['profiles'])).code === 0, 'it answers');
    assert.deepEqual(listeningPorts(pid), []);
  });
});

/** TCP ports that a process listens on. */
function listeningPorts(pid: number): readonly string[] {
  const { stdout } = spawnSync('ls', ['-l', `/proc/${pid}/fd`], { encoding: 'utf8' });
  const inodes = new Set([...stdout.matchAll(/socket:\[(\d+)\]/g)].map(([, inode]) => inode));
  const rows = ['net/tcp', 'net/tcp6'].flatMap((name) => procFile(pid, name).split('\n').slice(1));
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && inodes.has(inode ?? ''))
    .map(([, address]) => String(address));
}
