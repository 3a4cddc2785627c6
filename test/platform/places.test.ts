import assert from 'node:assert/strict';
import {
  type Folders,
  folders,
  pipeKeyPath,
  socketCandidates,
  socketPathProblem,
  type Surroundings,
} from '../../src/platform/places.ts';
import { ProblemError } from '../../src/shared/errors.ts';

function linux(env: Surroundings['env'], ours: readonly string[] = []): Surroundings {
  return {
    platform: 'linux',
    env,
    home: () => '/home/ada',
    uid: 1000,
    userName: () => 'ada',
    isOurs: (path) => ours.includes(path),
  };
}

const mac: Surroundings = { ...linux({}), platform: 'darwin', home: () => '/Users/ada', uid: 501 };
const windows: Surroundings = {
  ...linux({}),
  platform: 'win32',
  home: () => String.raw`C:\Users\ada`,
  uid: null,
};

describe('places', () => {
  const sockets: readonly (readonly [string, Surroundings, readonly string[]])[] = [
    [
      'in XDG_RUNTIME_DIR, where that is ours',
      linux({ XDG_RUNTIME_DIR: '/run/user/1000' }, ['/run/user/1000']),
      ['/run/user/1000/iam-tokend/ipc.sock'],
    ],
    [
      'with /run/user/UID as a second place, where XDG_RUNTIME_DIR is another',
      linux({ XDG_RUNTIME_DIR: '/mnt/wslg/run/' }, ['/mnt/wslg/run/', '/run/user/1000']),
      ['/mnt/wslg/run/iam-tokend/ipc.sock', '/run/user/1000/iam-tokend/ipc.sock'],
    ],
    [
      'in /run/user/UID without the variable (cron)',
      linux({}, ['/run/user/1000']),
      ['/run/user/1000/iam-tokend/ipc.sock'],
    ],
    [
      'in /run/user/UID where XDG_RUNTIME_DIR is not ours (sudo -E)',
      linux({ XDG_RUNTIME_DIR: '/run/user/0' }, ['/run/user/1000']),
      ['/run/user/1000/iam-tokend/ipc.sock'],
    ],
    [
      'in /tmp where neither is ours',
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
    ['in Application Support on macOS', mac, ['/Users/ada/Library/Application Support/iam-tokend/ipc.sock']],
    [
      'in Application Support on macOS, whatever XDG says',
      { ...mac, env: { XDG_RUNTIME_DIR: '/run/user/501' }, isOurs: () => true },
      ['/Users/ada/Library/Application Support/iam-tokend/ipc.sock'],
    ],
    ['as a named pipe on Windows', windows, [String.raw`\\.\pipe\iam-tokend-ada`]],
    [
      'as one pipe, whatever the user is called',
      { ...windows, userName: () => String.raw`a\b` },
      [String.raw`\\.\pipe\iam-tokend-a_b`],
    ],
  ];
  for (const [where, surroundings, expected] of sockets) {
    it(`puts the socket ${where}`, () => assert.deepEqual(socketCandidates(surroundings), expected));
  }

  it('asks for neither home nor name where no path needs them', () => {
    const asked = (): never => {
      throw new Error('asked');
    };
    const surroundings = {
      ...linux({ XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s' }),
      home: asked,
      userName: asked,
    };
    assert.equal(socketCandidates(surroundings)[0], '/tmp/iam-tokend-1000/ipc.sock');
    assert.equal(folders(surroundings).config, '/c/iam-tokend');
  });

  const below: readonly (readonly [string, Surroundings, Folders])[] = [
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
      'the defaults where an XDG variable is relative or empty',
      linux({ XDG_CONFIG_HOME: 'c', XDG_STATE_HOME: '' }),
      {
        config: '/home/ada/.config/iam-tokend',
        state: '/home/ada/.local/state/iam-tokend',
        log: '/home/ada/.local/state/iam-tokend/log',
      },
    ],
    [
      'the Library on macOS',
      { ...mac, env: { XDG_CONFIG_HOME: '/c' } },
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
      "the usual AppData folders where Windows' variables are missing",
      windows,
      {
        config: String.raw`C:\Users\ada\AppData\Roaming\iam-tokend`,
        state: String.raw`C:\Users\ada\AppData\Local\iam-tokend`,
        log: String.raw`C:\Users\ada\AppData\Local\iam-tokend\log`,
      },
    ],
  ];
  for (const [what, surroundings, expected] of below) {
    it(`keeps config, state and log below ${what}`, () => assert.deepEqual(folders(surroundings), expected));
  }

  it('are where a person alone can go for the key of the pipe on Windows', () => {
    assert.equal(pipeKeyPath(windows), String.raw`C:\Users\ada\AppData\Local\iam-tokend\pipe.key`);
  });

  it('says that a home folder is needed where there is none', () => {
    assert.throws(
      () => folders({ ...linux({}), home: () => '' }),
      (error) =>
        error instanceof ProblemError &&
        error.problem.code === 'bad_request' &&
        error.problem.hint !== undefined,
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
    const shown = JSON.stringify(
      path.length > 30 ? `${path.slice(0, 12)}… (${Buffer.byteLength(path)} bytes)` : path,
    );
    it(`${allowed ? 'takes' : 'refuses'} ${shown} as a socket's path on ${platform}`, () => {
      const problem = socketPathProblem(path, platform);
      assert.equal(problem?.code, allowed ? undefined : 'bad_request');
    });
  }
});
