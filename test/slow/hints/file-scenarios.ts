import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { otherUid } from '../../support/processes/other-user.ts';
import type { HintLab } from './hint-lab.ts';
import type { HintScenario } from './hint-scenario.ts';

const isRoot = process.getuid?.() === 0;

const configFolder = (lab: HintLab): string => lab.path('config/iam-tokend');
const profileList = (lab: HintLab): string => join(configFolder(lab), 'profiles.json');
const socketFolder = (lab: HintLab): string => dirname(lab.testEnv.socketPath);

/** The daemon does not start, says what to type, and starts then. */
function startFailure(
  title: string,
  hint: string,
  damage: (lab: HintLab) => void,
  options: { readonly needsRoot?: boolean } = {},
): HintScenario {
  return {
    title: `the daemon starts after ${title}`,
    hints: [hint],
    isPossible: options.needsRoot === true ? isRoot : true,
    async run(lab) {
      damage(lab);
      const { stderr, code } = await lab.run('iam-tokend');
      assert.notEqual(code, 0, stderr);
      const { code: typedCode, stderr: typedError } = await lab.type(hint, stderr);
      assert.equal(typedCode, 0, typedError);
      await lab.testEnv.startDaemon();
    },
  };
}

/** A command that only shows something. */
function inspection(
  title: string,
  hint: string,
  damage: (lab: HintLab) => string,
  expected: RegExp,
): HintScenario {
  return {
    title: `shows ${title}`,
    hints: [hint],
    async run(lab) {
      const { stderr, code } = await lab.run(damage(lab));
      assert.notEqual(code, 0, stderr);
      const shown = await lab.type(hint, stderr);
      assert.equal(shown.code, 0, shown.stderr);
      assert.match(shown.stdout, expected);
    },
  };
}

export const fileScenarios: readonly HintScenario[] = [
  startFailure('a configuration folder that others can write to', 'folders.ts: chmod go-w ${}', (lab) =>
    chmodSync(configFolder(lab), 0o777),
  ),
  startFailure(
    'a configuration folder of another user',
    'folders.ts: sudo chown -R ${} ${}',
    (lab) => chownSync(configFolder(lab), otherUid, otherUid),
    { needsRoot: true },
  ),
  startFailure('a profile list behind a link', 'read-guarded-file.ts: mv "$(readlink -f ${})" ${}', (lab) => {
    writeFileSync(lab.path('elsewhere'), registryText, { mode: 0o600 });
    symlinkSync(lab.path('elsewhere'), profileList(lab));
  }),
  startFailure('a damaged profile list', 'file-errors.ts: mv ${} ${}', (lab) =>
    writeFileSync(profileList(lab), 'nonsense', { mode: 0o600 }),
  ),
  startFailure('an open folder of the socket', 'socket-folder.ts: chmod 700 ${}', (lab) => {
    mkdirSync(socketFolder(lab));
    chmodSync(socketFolder(lab), 0o755);
  }),
  startFailure('a link in the place of that folder', 'socket-folder.ts: rm ${}', (lab) => {
    mkdirSync(lab.path('real'), { mode: 0o700 });
    symlinkSync(lab.path('real'), socketFolder(lab));
  }),
  inspection(
    'the folder in which the configuration cannot be created',
    'folders.ts: ls -ld ${}',
    (lab) => {
      writeFileSync(lab.path('plain'), '');
      lab.shellEnv['XDG_CONFIG_HOME'] = lab.path('plain/config');
      return 'iam-tokend';
    },
    /^-\S+ .*plain$/m,
  ),
  inspection(
    'a file in the place of the socket’s folder',
    'socket-folder.ts: ls -ld ${}',
    (lab) => {
      writeFileSync(socketFolder(lab), '');
      return 'iam-token';
    },
    /^-\S+ .*iam-tokend$/m,
  ),
  inspection(
    'the folder of a bundle that cannot be written',
    'file-errors.ts: ls -ld ${}',
    (lab) => {
      writeFileSync(lab.path('file'), '');
      return 'iam-token doctor --bundle file/bundle';
    },
    /^-\S+ .*file$/m,
  ),
  {
    title: 'the bundle is written after its folder is created, and after a file is moved away',
    hints: [
      'file-errors.ts: mkdir -p -m 700 ${}',
      'file-errors.ts: mv ${} ${}',
      'bundle.ts: iam-token doctor --bundle ${}',
    ],
    async run(lab) {
      const missing = await lab.run('iam-token doctor --bundle folder/bundle');
      assert.equal((await lab.type('file-errors.ts: mkdir -p -m 700 ${}', missing.stderr)).code, 0);
      assert.match((await lab.run('iam-token doctor --bundle folder/bundle')).stderr, /wrote folder\/bundle/);
      assert.equal(statSync(lab.path('folder')).mode & 0o777, 0o700);
      const inFolder = await lab.run('iam-token doctor --bundle folder');
      const named = await lab.type('bundle.ts: iam-token doctor --bundle ${}', inFolder.stderr);
      assert.match(named.stderr, /wrote folder\/iam-token-doctor\.json/);
      const existing = await lab.run('iam-token doctor --bundle folder/bundle');
      assert.equal((await lab.type('file-errors.ts: mv ${} ${}', existing.stderr)).code, 0);
      assert.match((await lab.run('iam-token doctor --bundle folder/bundle')).stderr, /wrote folder\/bundle/);
    },
  },
  {
    title: 'a bundle on a full disk is written after space is found',
    hints: ['file-errors.ts: df -h ${}'],
    isPossible: isRoot,
    async run(lab) {
      mkdirSync(lab.path('full'));
      const script = `mount -t tmpfs -o size=4k tmpfs full && head -c 4096 /dev/zero > full/rest; iam-token doctor --bundle full/bundle`;
      const { stderr } = await lab.run(`unshare --mount bash -c '${script}'`);
      const { stdout, code } = await lab.type('file-errors.ts: df -h ${}', stderr);
      assert.equal(code, 0);
      assert.match(stdout, /Avail.*\n.*%/);
    },
  },
  {
    title: 'a socket is named by its real path',
    hints: [
      'socket-folder.ts: name the socket in the real folder: readlink -f ${}',
      'socket-folder.ts: name the socket itself: readlink -f ${}',
    ],
    async run(lab) {
      await lab.testEnv.startDaemon();
      mkdirSync(lab.path('links'), { mode: 0o700 });
      symlinkSync(socketFolder(lab), lab.path('folder'));
      symlinkSync(lab.testEnv.socketPath, lab.path('links/ipc.sock'));
      const byFolder = await lab.run('iam-token status --socket "$PWD/folder/ipc.sock"');
      const folder = await lab.type(
        'socket-folder.ts: name the socket in the real folder: readlink -f ${}',
        byFolder.stderr,
      );
      assert.equal((await lab.run(`iam-token status --socket ${folder.stdout.trim()}/ipc.sock`)).code, 0);
      const byLink = await lab.run('iam-token status --socket "$PWD/links/ipc.sock"');
      const socket = await lab.type(
        'socket-folder.ts: name the socket itself: readlink -f ${}',
        byLink.stderr,
      );
      assert.equal((await lab.run(`iam-token status --socket ${socket.stdout.trim()}`)).code, 0);
    },
  },
  {
    title: 'a socket in a shared folder gets a folder of its own',
    hints: ['socket-folder.ts: give the socket its own folder, for client and daemon: --socket ${}'],
    async run(lab) {
      mkdirSync(lab.path('shared'));
      chmodSync(lab.path('shared'), 0o777);
      const { stderr } = await lab.run('iam-tokend --socket "$PWD/shared/ipc.sock"');
      const option = lab.commandOf(
        'socket-folder.ts: give the socket its own folder, for client and daemon: --socket ${}',
        stderr,
      );
      chmodSync(lab.path('shared'), 0o755);
      await lab.run(`iam-tokend --store memory ${option} & sleep 0.1`);
      await lab.untilListening(option);
      assert.equal((await lab.run(`iam-token stop ${option}`)).code, 0);
    },
  },
  {
    title: 'the permissions of a configuration file are corrected',
    hints: ['config-access.ts: chmod ${} ${}'],
    async run(lab) {
      const path = join(configFolder(lab), 'config.yaml');
      writeFileSync(path, 'log: { level: debug }\n');
      chmodSync(path, 0o666);
      const { stdout } = await lab.run('iam-token doctor');
      assert.equal((await lab.type('config-access.ts: chmod ${} ${}', stdout)).code, 0);
      assert.equal(lstatSync(path).mode & 0o022, 0);
      assert.match((await lab.run('iam-token doctor')).stdout, /^ok +configuration/m);
      renameSync(path, lab.path('unused'));
    },
  },
];

const registryText = `{"version":1,"instance":"0123456789abcdef","default":null,"profiles":{},"discarded":[]}\n`;
