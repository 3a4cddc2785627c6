/** Hints about files of the client and of the store, and about programs beside it. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { once } from 'node:events';
import { unreadableFileError } from '../../../src/cli/commands/setup/secret-file.ts';
import { problemOf, renderProblem } from '../../../src/shared/errors.ts';
import {
  diskNotResponding,
  invalidStoreFile,
  storeTooLarge,
} from '../../../src/stores/file/file-store-problems.ts';
import { hasNativeClient, nativeClientPath } from '../../support/native/native-clients.ts';
import { canRunAsOtherUser, otherUid } from '../../support/processes/other-user.ts';
import { oauthToken } from '../../support/test-environment.ts';
import type { HintLab } from './hint-lab.ts';
import type { HintScenario } from './hint-scenario.ts';

const logIn = (lab: HintLab) => lab.testEnv.iamToken(['login', '--stdin'], oauthToken);

async function expectTyped(
  lab: HintLab,
  hint: string,
  printed: string,
  values: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, stdout, stderr } = await lab.type(hint, printed, values);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** As the client prints an error whose cause takes more than a test may: a hanging disk, a store of 4 MiB. */
function print(error: unknown): string {
  const { message, hint = '' } = renderProblem(problemOf(error));
  const lines = hint.split('\n').map((line) => `iam-token: hint: ${line}`);
  return [`iam-token: error: ${message}`, ...lines].join('\n');
}

const credentialProblem = 'file-store-problems.ts';

export const clientScenarios: readonly HintScenario[] = [
  {
    title: 'the hints of a daemon at another socket are typed in order',
    hints: ['socket-line.ts: export IAM_TOKEND_SOCKET=${}'],
    async run(lab) {
      const socketPath = lab.path("it's/ipc.sock");
      mkdirSync(dirname(socketPath), { mode: 0o700 });
      await lab.testEnv.startDaemon(['--socket', socketPath]);
      const option = '--socket "$PWD/it\'s/ipc.sock"';
      const { stderr: locked } = await lab.run(`iam-token lock ${option} && iam-token ${option}`);
      const lines = ['socket-line.ts: export IAM_TOKEND_SOCKET=${}', 'daemon-lock.ts: {unlock}'].map((hint) =>
        lab.commandOf(hint, locked),
      );
      assert.match((await lab.run(lines.join('\n'))).stdout, /^unlocked/);
    },
  },
  {
    title: 'other programs in ~/.local/bin make room for those of install',
    hints: [
      'client-files.ts: iam-token install --client-only',
      'native-link.ts: ln -sf ${} ${}',
      'shims.ts: mv ${} ${}.old && ${}',
    ],
    isPossible: hasNativeClient,
    async run(lab) {
      const folder = lab.path('.local/bin');
      lab.shellEnv['PATH'] = `${folder}:${lab.shellEnv['PATH']}`;
      mkdirSync(folder, { recursive: true });
      for (const name of ['iam-token', 'docker-credential-iam-token']) {
        writeFileSync(`${folder}/${name}`, '#!/bin/sh\n');
      }
      const usage = await lab.run('iam-token install --client-only --system');
      const { code, stderr } = await lab.type(
        'client-files.ts: iam-token install --client-only',
        usage.stderr,
      );
      assert.equal(code, 0, stderr);
      await expectTyped(lab, 'native-link.ts: ln -sf ${} ${}', stderr);
      assert.equal(readlinkSync(`${folder}/iam-token`), nativeClientPath());
      await expectTyped(lab, 'shims.ts: mv ${} ${}.old && ${}', stderr);
      assert.match((await lab.run(`cat ${folder}/docker-credential-iam-token`)).stdout, /made by iam-token/);
      const again = await lab.run('iam-token install --client-only');
      assert.equal(again.stderr, '');
    },
  },
  {
    title: 'a daemon whose Node may be removed is restarted with another',
    hints: ['daemon-checks.ts: if you remove this version of Node, run: ${}'],
    isPossible: process.getuid?.() === 0,
    async run(lab) {
      lab.shellEnv['IAM_TOKEND_STORE'] = 'memory';
      const node = lab.path('.nvm/versions/node/v20.19.0/bin/node');
      mkdirSync(lab.path('.nvm/versions/node/v20.19.0/bin'), { recursive: true });
      copyFileSync(process.execPath, node);
      chmodSync(node, 0o755);
      const script = 'shift; exec "$0" "$@"';
      await lab.testEnv.startDaemon([], {}, ['sh', '-c', script, node]);
      const { stdout } = await lab.run('iam-token doctor');
      await expectTyped(lab, 'daemon-checks.ts: if you remove this version of Node, run: ${}', stdout);
      await lab.untilListening();
      assert.match((await lab.run('iam-token doctor')).stdout, /^ok +node/m);
      await lab.run('iam-token stop');
    },
  },
  {
    title: 'a socket of another user is looked at',
    hints: ['dial.ts: see its owner and mode: ls -l ${}'],
    isPossible: canRunAsOtherUser(),
    async run(lab) {
      chmodSync(lab.testEnv.folder, 0o755);
      const folder = lab.path('theirs');
      mkdirSync(folder, { mode: 0o700 });
      const server = createServer().listen(`${folder}/ipc.sock`);
      await once(server, 'listening');
      chmodSync(`${folder}/ipc.sock`, 0o600);
      chownSync(folder, otherUid, otherUid);
      const user = `setpriv --reuid=${otherUid} --regid=${otherUid} --clear-groups`;
      const { stderr } = await lab.run(`${user} iam-token --socket '${folder}/ipc.sock'`);
      const shown = await expectTyped(lab, 'dial.ts: see its owner and mode: ls -l ${}', stderr);
      assert.match(shown, /^srw------- .* root /);
      server.close();
    },
  },
  {
    title: 'a key file that cannot be read is looked at',
    hints: ['secret-file.ts: ls -l ${}'],
    async run(lab) {
      const path = lab.path('a key.json');
      writeFileSync(path, '');
      const printed = print(unreadableFileError(path, `'${path}'`, 'EACCES'));
      assert.match(await expectTyped(lab, 'secret-file.ts: ls -l ${}', printed), /^-rw/);
    },
  },
  {
    title: 'a key of another kind is replaced by an authorized key',
    hints: ['key-file-text.ts: yc iam key create --service-account-id ID -o key.json'],
    async run(lab) {
      await lab.testEnv.startDaemon();
      writeFileSync(lab.path('wrong.json'), '{"id":', { mode: 0o600 });
      const { stderr } = await lab.run('iam-token login --service-account-key wrong.json');
      lab.recordProgram('yc');
      const hint = 'key-file-text.ts: yc iam key create --service-account-id ID -o key.json';
      await expectTyped(lab, hint, stderr, { ID: 'ajerobot' });
      assert.deepEqual(lab.listCalls(), ['yc iam key create --service-account-id ajerobot -o key.json']);
    },
  },
  {
    title: 'the metadata address gets a cloud and a folder',
    hints: ['routes.ts: {login | --cloud-id ID --folder-id ID}'],
    async run(lab) {
      writeFileSync(lab.path('config/iam-tokend/config.yaml'), 'metadata: { listen: "127.0.0.1:0" }\n');
      await lab.testEnv.startDaemon();
      await logIn(lab);
      const address = /metadata +\D*(127\.0\.0\.1:\d+)/.exec((await lab.run('iam-token status')).stdout)?.[1];
      const request = (): Promise<string> =>
        fetch(`http://${address}/computeMetadata/v1/yandex/folder-id`, {
          headers: { 'Metadata-Flavor': 'Google' },
        }).then((response) => response.text());
      const hint = /"hint":"([^"]+)"/.exec(await request())?.[1] ?? assert.fail(await request());
      const values = { '--cloud-id ID': '--cloud-id b1gcloud', '--folder-id ID': '--folder-id b1gfolder' };
      const command = lab.commandOf('routes.ts: {login | --cloud-id ID --folder-id ID}', `hint: ${hint}`);
      const line = Object.entries(values).reduce((text, [from, to]) => text.replace(from, to), command);
      assert.equal((await lab.run(line)).code, 0);
      assert.equal((await request()).trim(), 'b1gfolder');
    },
  },
  {
    title: 'a systemd credential is added to the unit, and its key is created',
    hints: [
      `${credentialProblem}: add LoadCredential=\${}:PATH to the unit: systemctl --user edit iam-tokend`,
      `${credentialProblem}: for a system-wide daemon: systemctl edit iam-tokend`,
      'key-file.ts: create a key, and name PATH in LoadCredential=: (umask 077; head -c 32 /dev/urandom > PATH)',
    ],
    store: 'file',
    async run(lab) {
      writeFileSync(lab.path('config/iam-tokend/config.yaml'), 'file: { key: { credential: store.key } }\n');
      lab.recordProgram('systemctl');
      await lab.testEnv.startDaemon();
      const missing = await logIn(lab);
      for (const [hint, call] of [
        [
          'add LoadCredential=${}:PATH to the unit: systemctl --user edit iam-tokend',
          '--user edit iam-tokend',
        ],
        ['for a system-wide daemon: systemctl edit iam-tokend', 'edit iam-tokend'],
      ] as const) {
        await expectTyped(lab, `${credentialProblem}: ${hint}`, missing.stderr);
        assert.equal(lab.listCalls().at(-1), `systemctl ${call}`);
      }
      await lab.testEnv.stopDaemon();
      const credentials = { CREDENTIALS_DIRECTORY: lab.path('credentials') };
      mkdirSync(credentials.CREDENTIALS_DIRECTORY, { mode: 0o700 });
      writeFileSync(lab.path('credentials/store.key'), 'short', { mode: 0o600 });
      await lab.testEnv.startDaemon([], credentials);
      const short = await logIn(lab);
      const hint =
        'key-file.ts: create a key, and name PATH in LoadCredential=: (umask 077; head -c 32 /dev/urandom > PATH)';
      await expectTyped(lab, hint, short.stderr, { PATH: 'credentials/store.key' });
      assert.equal(statSync(lab.path('credentials/store.key')).size, 32);
      await lab.testEnv.stopDaemon();
      await lab.testEnv.startDaemon([], credentials);
      const login = await logIn(lab);
      assert.equal(login.code, 0, login.stderr);
    },
  },
  {
    title: 'a store that is full, on a disk that hangs, or of a newer release is dealt with',
    hints: [
      `${credentialProblem}: df \${}`,
      `${credentialProblem}: remove an unused profile: iam-token logout --profile NAME`,
      `${credentialProblem}: upgrade: npm install --global iam-tokend && iam-token install`,
    ],
    async run(lab) {
      await lab.testEnv.startDaemon();
      await logIn(lab);
      const path = lab.path('state');
      const disk = print(diskNotResponding(path, null));
      assert.match(await expectTyped(lab, `${credentialProblem}: df \${}`, disk), /Available/);
      const full = `${credentialProblem}: remove an unused profile: iam-token logout --profile NAME`;
      const removed = await expectTyped(lab, full, print(storeTooLarge(path, 9, 8)), { NAME: 'default' });
      assert.match(removed, /^logged out of default/);
      for (const name of ['npm', 'iam-token']) lab.recordProgram(name);
      const newer = `${credentialProblem}: upgrade: npm install --global iam-tokend && iam-token install`;
      await expectTyped(lab, newer, print(invalidStoreFile(path, 'newer')));
      assert.deepEqual(lab.listCalls(), ['npm install --global iam-tokend', 'iam-token install']);
    },
  },
];
