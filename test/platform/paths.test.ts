import assert from 'node:assert/strict';
import {
  type UserFolders,
  userFolders,
  pipeKeyPath,
  socketCandidates,
  checkSocketPath,
  type ProcessContext,
} from '../../src/platform/paths.ts';
import { IamTokenError } from '../../src/shared/errors.ts';

function linux(env: ProcessContext['env'], ownFolders: readonly string[] = []): ProcessContext {
  return {
    platform: 'linux',
    env,
    home: () => '/home/ada',
    uid: 1000,
    userName: () => 'ada',
    isOwnFolder: (path) => ownFolders.includes(path),
  };
}

const macos: ProcessContext = { ...linux({}), platform: 'darwin', home: () => '/Users/ada', uid: 501 };
const windows: ProcessContext = {
  ...linux({}),
  platform: 'win32',
  home: () => String.raw`C:\Users\ada`,
  uid: null,
};

describe('paths', () => {
  const sockets: readonly (readonly [string, ProcessContext, readonly string[]])[] = [
    [
      'in XDG_RUNTIME_DIR if that is ours',
      linux({ XDG_RUNTIME_DIR: '/run/user/1000' }, ['/run/user/1000']),
      ['/run/user/1000/iam-tokend/ipc.sock'],
    ],
    [
      'with /run/user/UID as the second choice if XDG_RUNTIME_DIR is another folder',
      linux({ XDG_RUNTIME_DIR: '/mnt/wslg/run/' }, ['/mnt/wslg/run/', '/run/user/1000']),
      ['/mnt/wslg/run/iam-tokend/ipc.sock', '/run/user/1000/iam-tokend/ipc.sock'],
    ],
    [
      'in /run/user/UID without the variable (cron)',
      linux({}, ['/run/user/1000']),
      ['/run/user/1000/iam-tokend/ipc.sock'],
    ],
    [
      'in /run/user/UID if XDG_RUNTIME_DIR is not ours (sudo -E)',
      linux({ XDG_RUNTIME_DIR: '/run/user/0' }, ['/run/user/1000']),
      ['/run/user/1000/iam-tokend/ipc.sock'],
    ],
    [
      'in /tmp if neither is ours',
      linux({ XDG_RUNTIME_DIR: '/run/user/0' }),
      ['/tmp/iam-tokend-1000/ipc.sock'],
    ],
    [
      'never below a relative XDG_RUNTIME_DIR',
      linux({ XDG_RUNTIME_DIR: 'run' }, ['run']),
      ['/tmp/iam-tokend-1000/ipc.sock'],
    ],
    [
      'never below an empty XDG_RUNTIME_DIR',
      linux({ XDG_RUNTIME_DIR: '' }, ['']),
      ['/tmp/iam-tokend-1000/ipc.sock'],
    ],
    [
      'in Application Support on macOS',
      macos,
      ['/Users/ada/Library/Application Support/iam-tokend/ipc.sock'],
    ],
    [
      'in Application Support on macOS, and ignores XDG',
      { ...macos, env: { XDG_RUNTIME_DIR: '/run/user/501' }, isOwnFolder: () => true },
      ['/Users/ada/Library/Application Support/iam-tokend/ipc.sock'],
    ],
    ['in a named pipe on Windows', windows, [String.raw`\\.\pipe\iam-tokend-ada`]],
    [
      'in a pipe whose name has no backslash from the user name',
      { ...windows, userName: () => String.raw`a\b` },
      [String.raw`\\.\pipe\iam-tokend-a_b`],
    ],
  ];
  for (const [where, context, expected] of sockets) {
    it(`puts the socket ${where}`, () => assert.deepEqual(socketCandidates(context), expected));
  }

  it('reads home folder and user name only if a path needs them', () => {
    const failOnUse = (): never => {
      throw new Error('asked');
    };
    const context = {
      ...linux({ XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s' }),
      home: failOnUse,
      userName: failOnUse,
    };
    assert.equal(socketCandidates(context)[0], '/tmp/iam-tokend-1000/ipc.sock');
    assert.equal(userFolders(context).config, '/c/iam-tokend');
  });

  const folderCases: readonly (readonly [string, ProcessContext, UserFolders])[] = [
    [
      'the XDG defaults on Linux',
      linux({}),
      {
        config: '/home/ada/.config/iam-tokend',
        state: '/home/ada/.local/state/iam-tokend',
        log: '/home/ada/.local/state/iam-tokend/log',
      },
    ],
    [
      'the XDG variables on Linux',
      linux({ XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s' }),
      { config: '/c/iam-tokend', state: '/s/iam-tokend', log: '/s/iam-tokend/log' },
    ],
    [
      'the defaults if an XDG variable is relative or empty',
      linux({ XDG_CONFIG_HOME: 'c', XDG_STATE_HOME: '' }),
      {
        config: '/home/ada/.config/iam-tokend',
        state: '/home/ada/.local/state/iam-tokend',
        log: '/home/ada/.local/state/iam-tokend/log',
      },
    ],
    [
      'the Library on macOS',
      { ...macos, env: { XDG_CONFIG_HOME: '/c' } },
      {
        config: '/Users/ada/Library/Application Support/iam-tokend',
        state: '/Users/ada/Library/Application Support/iam-tokend',
        log: '/Users/ada/Library/Logs/iam-tokend',
      },
    ],
    [
      'the AppData folders on Windows',
      { ...windows, env: { APPDATA: String.raw`D:\roam`, LOCALAPPDATA: String.raw`D:\local` } },
      {
        config: String.raw`D:\roam\iam-tokend`,
        state: String.raw`D:\local\iam-tokend`,
        log: String.raw`D:\local\iam-tokend\log`,
      },
    ],
    [
      'the usual AppData folders if the variables of Windows are missing',
      windows,
      {
        config: String.raw`C:\Users\ada\AppData\Roaming\iam-tokend`,
        state: String.raw`C:\Users\ada\AppData\Local\iam-tokend`,
        log: String.raw`C:\Users\ada\AppData\Local\iam-tokend\log`,
      },
    ],
  ];
  for (const [description, context, expected] of folderCases) {
    it(`keeps config, state and log below ${description}`, () =>
      assert.deepEqual(userFolders(context), expected));
  }

  it('keeps the key of the pipe in the local AppData folder on Windows', () => {
    assert.equal(pipeKeyPath(windows), String.raw`C:\Users\ada\AppData\Local\iam-tokend\pipe.key`);
  });

  it('rejects an unknown home folder, with a hint', () => {
    assert.throws(
      () => userFolders({ ...linux({}), home: () => '' }),
      (error) => error instanceof IamTokenError && error.code === 'bad_request' && error.hint !== undefined,
    );
  });

  const paths: readonly (readonly [string, NodeJS.Platform, boolean])[] = [
    [`/${'x'.repeat(102)}`, 'linux', true],
    [`/${'x'.repeat(103)}`, 'linux', false],
    [`/${'я'.repeat(51)}`, 'darwin', true],
    [`/${'я'.repeat(52)}`, 'darwin', false],
    ['', 'linux', false],
    ['/a\0b', 'linux', false],
    [String.raw`\\.\pipe\mine`, 'win32', true],
    [String.raw`\\?\pipe\mine`, 'win32', true],
    [String.raw`\\.\pipe\ `.trim(), 'win32', false],
    [String.raw`C:\mine.sock`, 'win32', false],
    [String.raw`\\server\pipe\mine`, 'win32', false],
    [`\\\\.\\pipe\\${'x'.repeat(247)}`, 'win32', true],
    [`\\\\.\\pipe\\${'x'.repeat(248)}`, 'win32', false],
  ];
  for (const [path, platform, allowed] of paths) {
    const label = JSON.stringify(
      path.length > 30 ? `${path.slice(0, 12)}… (${Buffer.byteLength(path)} bytes)` : path,
    );
    it(`${allowed ? 'accepts' : 'rejects'} ${label} as the path of a socket on ${platform}`, () => {
      const problem = checkSocketPath(path, platform);
      assert.equal(problem?.code, allowed ? undefined : 'bad_request');
    });
  }
});
