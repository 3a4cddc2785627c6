import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownYc } from '../support/own-yc.ts';
import { type CliRun, cleanEnv } from '../support/run-cli.ts';
import { aMinuteBefore, daemonOf, tokenOf } from '../support/scripted-answers.ts';
import { answering, failing, ScriptedDaemon } from '../support/scripted-daemon.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const token = tokenOf(12 * 60 * 60_000);
const unknown = {
  code: 'unknown_profile',
  message: 'there is no profile "prod"',
  hint: 'iam-token profiles',
} as const;

describe('a yc of ours', () => {
  const folder = temporaryFolder();
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(
      answering({ token, ...daemonOf({ cloudId: 'b1gcloud', folderId: 'b1gfolder' }) }),
    );
    for (const name of ['ours', 'real']) mkdirSync(join(folder(), name));
    ownYc(join(folder(), 'ours'));
    // Says what it was run with, and ends with 9.
    program(
      'real/yc',
      `echo "$*" > "${folder()}/args"\necho "$YC_IAM_TOKEN" > "${folder()}/token"\necho real; exit 9`,
    );
  });
  afterEach(() => daemon.close());

  function program(path: string, body: string): void {
    writeFileSync(join(folder(), path), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder(), path), 0o755);
  }

  function yc(line: string, env: Readonly<Record<string, string>> = {}, path = 'ours:real'): Promise<CliRun> {
    const folders = path.split(':').map((name) => join(folder(), name));
    return new Promise((resolve) => {
      const options = {
        env: {
          ...cleanEnv({ socket: daemon.socketPath }),
          HOME: folder(),
          PATH: [...folders, '/usr/bin', '/bin'].join(':'),
          ...env,
        },
      };
      execFile(join(folder(), 'ours/yc'), line.split(' ').filter(Boolean), options, (error, stdout, stderr) =>
        resolve({ stdout, stderr, code: error === null ? 0 : Number(error.code) }),
      );
    });
  }
  const wasReal = (): string | null => {
    const path = join(folder(), 'args');
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
  };
  const tokenOfReal = (): string => readFileSync(join(folder(), 'token'), 'utf8').trim();

  const text = `${token.token}\n`;
  const json = `{"iam_token":"${token.token}","expires_at":"${token.expiresAt}"}\n`;
  const answered: readonly (readonly [string, string, object?])[] = [
    ['iam create-token', text],
    ['iam create-token --profile prod', text, { profile: 'prod' }],
    ['--profile=prod iam create-token', text, { profile: 'prod' }],
    ['iam --profile prod create-token --format=json', json, { profile: 'prod' }],
    ['--format json iam create-token --no-user-output', json],
    ['--no-user-output --no-browser --debug iam --folder-id b1g --cloud-id b1g create-token --retry 3', text],
    [
      'iam create-token --impersonate-service-account-id ajesa',
      text,
      { impersonateServiceAccountId: 'ajesa' },
    ],
    ['config get cloud-id', 'b1gcloud\n'],
    ['--profile work config get folder-id', 'b1gfolder\n'],
  ];
  for (const [line, stdout, params = {}] of answered) {
    it(`answers “${line}” itself`, async () => {
      assert.deepEqual(await yc(line), { stdout, stderr: '', code: 0 });
      assert.equal(wasReal(), null);
      if (line.includes('create-token')) assert.deepEqual(daemon.requests[0]?.params, params);
    });
  }

  for (const line of ['k8s create-token --profile=default', 'managed-kubernetes create-token']) {
    it(`answers “${line}” as kubectl asks`, async () => {
      const info = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' };
      const { stdout, code } = await yc(line, { KUBERNETES_EXEC_INFO: JSON.stringify(info) });
      assert.equal(code, 0);
      assert.deepEqual(JSON.parse(stdout), {
        ...info,
        status: { token: token.token, expirationTimestamp: aMinuteBefore(token.expiresAt) },
      });
    });
  }

  for (const line of [
    'compute instance list --format json',
    'iam create-token --no-such-flag',
    'iam create-token --format json-rest',
    'iam create-token --help',
    'iam create-token surplus',
    'iam',
    'compute ssh -- iam create-token',
  ]) {
    it(`hands “${line}” to the real yc, with a token`, async () => {
      assert.deepEqual(await yc(line), { stdout: 'real\n', stderr: '', code: 9 });
      assert.equal(wasReal(), line);
      assert.equal(tokenOfReal(), token.token);
    });
  }

  for (const line of [
    '',
    'init',
    'config set token x',
    'config get token',
    '--help',
    'version',
    '--token x compute list',
  ]) {
    it(`hands “${line}” to the real yc as it is, and asks nobody`, async () => {
      assert.equal((await yc(line)).code, 9);
      assert.equal(wasReal(), line);
      assert.equal(tokenOfReal(), '');
      assert.equal(daemon.connections, 0);
    });
  }

  it('hands on what the profile does not have', async () => {
    daemon.become(answering({ token, ...daemonOf({}) }));
    assert.equal((await yc('config get cloud-id')).stdout, 'real\n');
  });

  it('prints no id that is none', async () => {
    daemon.become(answering({ token, ...daemonOf({ cloudId: '\x1b[2Jb1g' }) }));
    assert.equal((await yc('config get cloud-id')).stdout, 'real\n');
  });

  it('leaves a profile that only yc has to yc, with no token of another', async () => {
    daemon.become(failing(unknown));
    for (const line of [
      'iam create-token --profile prod',
      '--profile prod compute instance list',
      'k8s create-token --profile=prod',
    ]) {
      assert.deepEqual(await yc(line), { stdout: 'real\n', stderr: '', code: 9 });
      assert.deepEqual([wasReal(), tokenOfReal()], [line, '']);
    }
  });

  it('fails as iam-token does, where it has nothing to answer with', async () => {
    daemon.become(
      failing({ code: 'login_required', message: 'nobody is logged in', hint: 'iam-token login' }),
    );
    const { stdout, stderr, code } = await yc('iam create-token');
    assert.deepEqual([stdout, code, wasReal()], ['', 4, null]);
    assert.match(stderr, /^iam-token: error: nobody is logged in\n/);
    daemon.become(failing(unknown));
    assert.equal((await yc('iam create-token --profile prod', {}, 'ours')).code, 7);
  });

  it('warns, and has the real yc go on with its own login, where there is no token for it', async () => {
    const { stderr, code } = await yc('compute instance list', { IAM_TOKEND_SOCKET: '/nowhere/ipc.sock' });
    assert.equal(code, 9);
    assert.match(
      stderr,
      /^iam-token: warning: nothing listens at \/nowhere\/ipc\.sock; yc goes on with its own login\n/,
    );
    assert.equal(tokenOfReal(), '');
  });

  it('never takes itself for the real one, wherever it lies', async () => {
    mkdirSync(join(folder(), 'yandex-cloud/bin'), { recursive: true });
    ownYc(join(folder(), 'yandex-cloud/bin'));
    const { stderr, code } = await yc('compute instance list', {}, 'ours');
    assert.equal(code, 127);
    assert.match(stderr, /^iam-token: error: yc is not found on this machine\n/);
  });

  it('ends, where what seems to be the real one leads back to it', async () => {
    program('real/yc', `exec "${folder()}/ours/yc" "$@"`);
    const { stderr, code } = await yc('compute instance list');
    assert.equal(code, 2);
    assert.match(stderr, /real\/yc was run as the real yc, and leads back to iam-token\n/);
  });
});
