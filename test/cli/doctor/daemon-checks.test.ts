import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DaemonStatus } from '../../../src/protocol/method-types.ts';
import { describeFaults, type DoctorFixture, type FaultCase } from './doctor-fixture.ts';

const closedStore = (code: 'keychain_locked' | 'keychain_unavailable'): DaemonStatus['store'] => ({
  kind: 'keychain',
  state: 'closed',
  problem: { code, message: 'it is closed', hint: 'open it' },
});

/** Makes the daemon's process run a program at this path below the folder of the fixture. */
function useDaemonProgram(fixture: DoctorFixture, path: string): string {
  const program = join(fixture.folder, path);
  mkdirSync(join(program, '..'), { recursive: true });
  copyFileSync('/bin/sleep', program);
  chmodSync(program, 0o755);
  const child = spawn(program, ['600']);
  fixture.cleanUps.push(() => child.kill('SIGKILL'));
  fixture.daemon = { ...fixture.daemon, pid: child.pid ?? 0 };
  return program;
}

function setContainerAccess(fixture: DoctorFixture, containers: string): void {
  fixture.daemon = { ...fixture.daemon, containers };
}

const faultCases: readonly FaultCase[] = [
  [
    'a daemon that hangs',
    'daemon',
    5,
    /did not answer within 2 s/,
    (fixture) => {
      fixture.script = () => undefined;
      fixture.args = ['--timeout', '2s'];
    },
  ],
  [
    'a program that speaks another protocol',
    'daemon',
    1,
    /does not speak the protocol/,
    (fixture) => (fixture.script = (_, peer) => peer.writeRaw('HTTP/1.1 400 Bad Request\r\n\f')),
  ],
  [
    'a daemon with another version',
    'versions',
    0,
    /version 0\.0\.9, this client is version/,
    (fixture) => (fixture.hello = { version: '0.0.9', protocol: 1 }),
  ],
  [
    'a daemon with another protocol version',
    'versions',
    1,
    /version 9\.0\.0/,
    (fixture) => (fixture.hello = { version: '9.0.0', protocol: 2 }),
  ],
  [
    "a version manager's Node",
    'node',
    0,
    /\.nvm\/versions\/node is managed by a Node version manager/,
    (fixture) => useDaemonProgram(fixture, '.nvm/versions/node'),
  ],
  [
    'a Node that was removed',
    'node',
    1,
    /Node no longer exists: .*\/node$/,
    (fixture) => unlinkSync(useDaemonProgram(fixture, 'node')),
  ],
  [
    'a unit with a Node that was removed',
    'node',
    1,
    /Node no longer exists: \/nowhere\/bin\/node$/,
    (fixture) => {
      const folder = join(fixture.env['XDG_CONFIG_HOME'] ?? '', 'systemd/user');
      mkdirSync(folder, { recursive: true });
      writeFileSync(
        join(folder, 'iam-tokend.service'),
        '[Service]\nExecStart="/nowhere/bin/node" "iam-tokend"\n',
      );
      fixture.daemon = { ...fixture.daemon, pid: 2 ** 30 };
    },
  ],
  [
    'a locked keychain',
    'store',
    6,
    /it is closed/,
    (fixture) => (fixture.daemon = { ...fixture.daemon, store: closedStore('keychain_locked') }),
  ],
  [
    'a missing keychain',
    'store',
    6,
    /it is closed/,
    (fixture) => (fixture.daemon = { ...fixture.daemon, store: closedStore('keychain_unavailable') }),
  ],
  [
    'a locked daemon',
    'store',
    6,
    /the daemon is locked/,
    (fixture) => (fixture.daemon = { ...fixture.daemon, locked: true }),
  ],
  [
    'D1: a client in a container',
    'containers',
    0,
    /^this program is in a container \(bash, process 7\): it can only get tokens$/,
    (fixture) => (fixture.daemon = { ...fixture.daemon, peerContainer: 'bash, process 7' }),
  ],
  [
    'D1: containers with full access',
    'containers',
    0,
    /^every program in a container that reaches the socket has full access$/,
    (fixture) => setContainerAccess(fixture, 'full'),
  ],
  [
    'D1: containers that the daemon cannot recognize',
    'containers',
    0,
    /^the daemon cannot tell programs in containers from others: they have full access$/,
    (fixture) => setContainerAccess(fixture, 'not enforced'),
  ],
  [
    'E11: a metadata address that another program uses',
    'metadata',
    5,
    /the address is in use/,
    (fixture) => {
      const message = 'metadata.listen: cannot listen on 127.0.0.1:8099: the address is in use';
      const metadataProblem = { code: 'unavailable', message, hint: 'lsof -nP -iTCP:8099' } as const;
      fixture.daemon = { ...fixture.daemon, metadataProblem };
    },
  ],
];

describeFaults('doctor, at the daemon', faultCases);
