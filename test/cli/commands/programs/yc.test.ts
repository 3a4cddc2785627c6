import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeYcShim } from '../../../support/processes/yc-shim.ts';
import { type CliResult, buildCleanEnv, runCli } from '../../../support/processes/run-cli.ts';
import {
  subtractMinute,
  createStatusResult,
  createTokenResult,
} from '../../../support/daemon/scripted-results.ts';
import { respondWith, failWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { useTemporaryFolder } from '../../../support/temporary-folder.ts';

const token = createTokenResult(12 * 60 * 60_000);
const unknownProfile = {
  code: 'unknown_profile',
  message: 'unknown profile "prod"',
  hint: 'iam-token profiles',
} as const;

describe('iam-token yc', () => {
  const folder = useTemporaryFolder();
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(
      respondWith({ token, ...createStatusResult({ cloudId: 'b1gcloud', folderId: 'b1gfolder' }) }),
    );
    for (const name of ['shim', 'real']) mkdirSync(join(folder(), name));
    writeYcShim(join(folder(), 'shim'));
    // Records its arguments and token, and exits with 9.
    writeProgram(
      'real/yc',
      `echo "$*" > "${folder()}/args"\necho "$YC_IAM_TOKEN" > "${folder()}/token"\necho real; exit 9`,
    );
  });
  afterEach(() => daemon.close());

  function writeProgram(path: string, body: string): void {
    writeFileSync(join(folder(), path), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder(), path), 0o755);
  }

  function runYc(
    line: string,
    env: Readonly<Record<string, string>> = {},
    path = 'shim:real',
  ): Promise<CliResult> {
    const folders = path.split(':').map((name) => join(folder(), name));
    return new Promise((resolve) => {
      const options = {
        env: {
          ...buildCleanEnv({ socket: daemon.socketPath }),
          HOME: folder(),
          PATH: [...folders, '/usr/bin', '/bin'].join(':'),
          ...env,
        },
      };
      execFile(join(folder(), 'shim/yc'), line.split(' ').filter(Boolean), options, (error, stdout, stderr) =>
        resolve({ stdout, stderr, code: error === null ? 0 : Number(error.code) }),
      );
    });
  }
  const readRealYcArgs = (): string | null => {
    const path = join(folder(), 'args');
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
  };
  const readRealYcToken = (): string => readFileSync(join(folder(), 'token'), 'utf8').trim();

  const text = `${token.token}\n`;
  const json = `{"iam_token":"${token.token}","expires_at":"${token.expiresAt}"}\n`;
  const handledCases: readonly (readonly [string, string, object?])[] = [
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
  for (const [line, stdout, params = {}] of handledCases) {
    it(`handles “${line}” itself`, async () => {
      assert.deepEqual(await runYc(line), { stdout, stderr: '', code: 0 });
      assert.equal(readRealYcArgs(), null);
      if (line.includes('create-token')) assert.deepEqual(daemon.requests[0]?.params, params);
    });
  }

  for (const line of ['k8s create-token --profile=default', 'managed-kubernetes create-token']) {
    it(`handles “${line}” in the version that kubectl requests`, async () => {
      const info = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' };
      const { stdout, code } = await runYc(line, { KUBERNETES_EXEC_INFO: JSON.stringify(info) });
      assert.equal(code, 0);
      assert.deepEqual(JSON.parse(stdout), {
        ...info,
        status: { token: token.token, expirationTimestamp: subtractMinute(token.expiresAt) },
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
    it(`runs the real yc for “${line}”, with a token`, async () => {
      assert.deepEqual(await runYc(line), { stdout: 'real\n', stderr: '', code: 9 });
      assert.equal(readRealYcArgs(), line);
      assert.equal(readRealYcToken(), token.token);
    });
  }

  for (const line of ['toString', 'constructor', '__proto__', 'valueOf x', 'compute --constructor x']) {
    it(`D9: runs the real yc for “${line}”, which every object has as a property`, async () => {
      assert.deepEqual(await runYc(line), { stdout: 'real\n', stderr: '', code: 9 });
      assert.equal(readRealYcArgs(), line);
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
    it(`runs the real yc for “${line}”, without calling the daemon`, async () => {
      assert.equal((await runYc(line)).code, 9);
      assert.equal(readRealYcArgs(), line);
      assert.equal(readRealYcToken(), '');
      assert.equal(daemon.connectionCount, 0);
    });
  }

  it('runs the real yc for a value that the profile does not have', async () => {
    daemon.setScript(respondWith({ token, ...createStatusResult({}) }));
    assert.equal((await runYc('config get cloud-id')).stdout, 'real\n');
  });

  it('does not print an invalid id', async () => {
    daemon.setScript(respondWith({ token, ...createStatusResult({ cloudId: '\x1b[2Jb1g' }) }));
    assert.equal((await runYc('config get cloud-id')).stdout, 'real\n');
  });

  it('runs the real yc without a token for a profile that exists only in yc', async () => {
    daemon.setScript(failWith(unknownProfile));
    for (const line of [
      'iam create-token --profile prod',
      '--profile prod compute instance list',
      'k8s create-token --profile=prod',
    ]) {
      assert.deepEqual(await runYc(line), { stdout: 'real\n', stderr: '', code: 9 });
      assert.deepEqual([readRealYcArgs(), readRealYcToken()], [line, '']);
    }
  });

  it('fails like iam-token without a token', async () => {
    daemon.setScript(failWith({ code: 'login_required', message: 'not logged in', hint: 'iam-token login' }));
    const { stdout, stderr, code } = await runYc('iam create-token');
    assert.deepEqual([stdout, code, readRealYcArgs()], ['', 4, null]);
    assert.match(stderr, /^iam-token: error: not logged in\n/);
    daemon.setScript(failWith(unknownProfile));
    assert.equal((await runYc('iam create-token --profile prod', {}, 'shim')).code, 7);
  });

  it('warns, and runs the real yc with its own login, without a token', async () => {
    const { stderr, code } = await runYc('compute instance list', { IAM_TOKEND_SOCKET: '/nowhere/ipc.sock' });
    assert.equal(code, 9);
    assert.match(
      stderr,
      /^iam-token: warning: iam-tokend is not running \(no socket at \/nowhere\/ipc\.sock\); yc continues with its own login\n/,
    );
    assert.equal(readRealYcToken(), '');
  });

  it('warns with the socket of the command line before the hint', async () => {
    daemon.setScript(failWith({ code: 'login_required', message: 'not logged in', hint: 'iam-token login' }));
    const { stderr } = await runCli(['--socket', daemon.socketPath, 'yc', 'compute', 'instance', 'list'], {
      env: { HOME: folder(), PATH: `${folder()}/real:/usr/bin:/bin` },
    });
    assert.equal(
      stderr,
      'iam-token: warning: not logged in; yc continues with its own login\n' +
        `iam-token: hint: export IAM_TOKEND_SOCKET=${daemon.socketPath}\niam-token: hint: iam-token login\n`,
    );
  });

  it('never takes the shim for the real yc', async () => {
    mkdirSync(join(folder(), 'yandex-cloud/bin'), { recursive: true });
    writeYcShim(join(folder(), 'yandex-cloud/bin'));
    const { stderr, code } = await runYc('compute instance list', {}, 'shim');
    assert.equal(code, 127);
    assert.match(stderr, /^iam-token: error: the real yc is not installed\n/);
  });

  it('exits with 2 if the supposed real yc runs iam-token again', async () => {
    writeProgram('real/yc', `exec "${folder()}/shim/yc" "$@"`);
    const { stderr, code } = await runYc('compute instance list');
    assert.equal(code, 2);
    assert.match(stderr, /real\/yc is not the real yc: it runs iam-token again\n/);
  });
});
