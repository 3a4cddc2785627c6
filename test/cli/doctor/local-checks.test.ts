import { chmodSync, mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describeFaults, type FaultCase, writeConfig } from './doctor-fixture.ts';

const faultCases: readonly FaultCase[] = [
  [
    'an invalid configuration',
    'configuration',
    2,
    /config\.yaml:1: store/,
    (fixture) => writeConfig(fixture, 'store: attic\n'),
  ],
  [
    'a missing CA file',
    'configuration',
    2,
    /network\.caFile: "\/nowhere\/ca\.pem" cannot be read: no such file/,
    (fixture) => writeConfig(fixture, 'network: { caFile: /nowhere/ca.pem }\n'),
  ],
  [
    'an unknown environment variable',
    'configuration',
    0,
    /IAM_TOKEND_STOER/,
    ({ env }) => (env['IAM_TOKEND_STOER'] = 'file'),
  ],
  [
    'D7: a password that other users can read',
    'configuration',
    0,
    /config\.yaml contains the password of a proxy and is accessible to other users \(mode 0644\)/,
    (fixture) => {
      writeConfig(fixture, 'network: { proxy: "http://me:secret@127.0.0.1:9" }\n');
      chmodSync(join(fixture.env['XDG_CONFIG_HOME'] ?? '', 'iam-tokend/config.yaml'), 0o644);
    },
  ],
  [
    'a folder that other users can access',
    'folder',
    3,
    /is accessible to other users \(mode 0755\)/,
    ({ socketPath }) => chmodSync(join(socketPath, '..'), 0o755),
  ],
  [
    'a link instead of the folder',
    'folder',
    3,
    /is a symbolic link/,
    ({ socketPath, folder }) => {
      renameSync(join(socketPath, '..'), join(folder, 'elsewhere'));
      symlinkSync(join(folder, 'elsewhere'), join(socketPath, '..'));
    },
  ],
  [
    'no daemon',
    'socket',
    3,
    /^iam-tokend is not running \(no socket at /,
    ({ socketPath }) => unlinkSync(socketPath),
  ],
  [
    'no folder',
    'socket',
    3,
    /^iam-tokend is not running \(no socket at /,
    ({ env }) => mkdirSync((env['XDG_RUNTIME_DIR'] += '-2')),
  ],
  [
    'a path that is too long',
    'socket',
    2,
    /^the path of the socket has \d+ bytes/,
    ({ env }) => mkdirSync((env['XDG_RUNTIME_DIR'] += '-'.repeat(100))),
  ],
  [
    'a stale socket',
    'socket',
    3,
    /^iam-tokend is not running \(connection refused at /,
    async ({ socketPath, folder }) => {
      // Bound to another path, so that closing the server does not remove the socket.
      const path = join(folder, 'dead');
      const server = createServer();
      await new Promise<void>((resolve) => void server.listen(path, resolve));
      renameSync(path, socketPath);
      await new Promise((resolve) => server.close(resolve));
    },
  ],
  [
    'a file instead of the socket',
    'socket',
    3,
    /is not a socket/,
    ({ socketPath }) => {
      unlinkSync(socketPath);
      writeFileSync(socketPath, '');
    },
  ],
];

describeFaults('doctor, before it reaches the daemon', faultCases);
