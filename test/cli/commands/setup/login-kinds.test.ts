import assert from 'node:assert/strict';
import { join } from 'node:path';
import { escapeControlCharacters } from '../../../../src/cli/terminal/escape.ts';
import { helloResult, loggedInOutput, useLoginFixture } from './login-fixture.ts';

describe('iam-token login with a kind of credential', () => {
  const { daemon, folder, run, loginParams, assertRejected, keyFile } = useLoginFixture();

  it('--metadata sends no credential', async () => {
    assert.deepEqual(await run(['--metadata']), { stdout: loggedInOutput, stderr: '', code: 0 });
    assert.deepEqual(loginParams(), { kind: 'metadata' });
    assert.deepEqual(
      daemon().requests.map(({ method }) => method),
      ['hello', 'status', 'login'],
    );
  });

  it('--workload-identity sends the account and an absolute path of the token file', async () => {
    const args = ['--workload-identity', 'aje0ada', '--token-file'];
    assert.equal((await run([...args, '/var/run/token'])).code, 0);
    assert.equal((await run([...args, 'run/../token'])).code, 0);
    assert.deepEqual(
      daemon()
        .requests.filter(({ method }) => method === 'login')
        .map(({ params }) => params),
      ['/var/run/token', join(process.cwd(), 'token')].map((tokenFile) => ({
        kind: 'workload-identity',
        settings: { serviceAccountId: 'aje0ada', tokenFile },
      })),
    );
  });

  it('B2: --token-url names where the token is exchanged', async () => {
    const args = ['--workload-identity', 'aje0ada', '--token-file', '/var/run/token'];
    assert.equal((await run([...args, '--token-url', 'https://auth.yandexcloud.kz/oauth/token'])).code, 0);
    assert.deepEqual(loginParams(), {
      kind: 'workload-identity',
      settings: {
        serviceAccountId: 'aje0ada',
        tokenFile: '/var/run/token',
        tokenUrl: 'https://auth.yandexcloud.kz/oauth/token',
      },
    });
  });

  for (const [line, value, option] of [
    ['--stdin --endpoint foo', 'foo', '--endpoint'],
    ['--workload-identity a --token-file /t --token-url http://x', 'http://x', '--token-url'],
  ] as const) {
    it(`C8: rejects “${line}” before it calls the daemon or reads a secret`, async () => {
      const rule = 'must be an https URL (http only for a loopback address)';
      const message = `invalid value "${value}" for ${option}: ${rule}`;
      await assertRejected(line.split(' '), message, 'iam-token login --help');
      assert.equal(daemon().connectionCount, 0);
    });
  }

  it('--workload-identity requires a token file', () =>
    assertRejected(
      ['--workload-identity', 'aje0ada'],
      '--workload-identity requires --token-file',
      'iam-token login --workload-identity SA_ID --token-file PATH',
    ));

  it('names the profile in its hints', async () => {
    await assertRejected(
      ['--profile', 'my prod', '--workload-identity', 'aje0ada'],
      '--workload-identity requires --token-file',
      "iam-token login --profile='my prod' --workload-identity SA_ID --token-file PATH",
    );
    await assertRejected(
      ['--profile', 'prod', '--oauth'],
      'cannot prompt for the OAuth token without a terminal',
      'iam-token login --profile prod --stdin < FILE',
    );
  });

  it('--yc sends the path of yc in the PATH of the client', async () => {
    const yc = keyFile('yc', '#!/bin/sh\n', 0o755);
    const paths = `relative:${join(folder(), 'nothing')}:${folder()}:/usr/bin`;
    assert.equal((await run(['--yc'], '', { PATH: paths })).code, 0);
    assert.deepEqual(loginParams(), { kind: 'yc', settings: { path: yc } });
  });

  it('--yc sends no path if yc is not in the PATH of the client', async () => {
    keyFile('yc', 'no program');
    const env = { PATH: folder(), HOME: folder() };
    assert.equal((await run(['--yc', '--yc-profile', 'prod'], '', env)).code, 0);
    assert.deepEqual(loginParams(), { kind: 'yc', settings: { profile: 'prod' } });
  });

  it('prints all lines of a hint', async () => {
    const hint = 'log in with another kind: --yc\niam-token login --yc';
    daemon().setScript((request, peer) => {
      if (request.method === 'hello') peer.respond(request, helloResult);
      else peer.fail(request, { code: 'login_required', message: 'OAuth has ended', hint });
    });
    assert.deepEqual(await run(['--stdin'], 'y0_AgAAAAB'), {
      stdout: '',
      stderr:
        'iam-token: error: OAuth has ended\n' +
        'iam-token: hint: log in with another kind: --yc\n' +
        'iam-token: hint: iam-token login --yc\n',
      code: 4,
    });
  });

  it('sends impersonation, cloud, folder and endpoint, in both spellings', async () => {
    for (const join of [' ', '=']) {
      const spelledArgs = [
        ['--impersonate-service-account-id', 'ajesa'],
        ['--cloud-id', 'b1gcloud'],
        ['--folder-id', 'b1gfolder'],
        ['--endpoint', 'https://iam.api.yandexcloud.kz'],
        ['--profile', 'work'],
      ].flatMap((pair) => pair.join(join).split(' '));
      await run(['--metadata', ...spelledArgs]);
    }
    const params = {
      profile: 'work',
      kind: 'metadata',
      endpoint: 'https://iam.api.yandexcloud.kz',
      impersonateServiceAccountId: 'ajesa',
      cloudId: 'b1gcloud',
      folderId: 'b1gfolder',
    };
    assert.deepEqual(
      daemon()
        .requests.filter(({ method }) => method === 'login')
        .map((request) => request.params),
      [params, params],
    );
  });

  const usageErrorCases: readonly (readonly [string, string])[] = [
    ['--oauth --metadata', '--oauth and --metadata cannot be combined: a profile has one credential'],
    [
      '--yc --service-account-key key.json',
      '--service-account-key and --yc cannot be combined: a profile has one credential',
    ],
    [
      '--workload-identity a --token-file /t --metadata',
      '--metadata and --workload-identity cannot be combined: a profile has one credential',
    ],
    ['--metadata --stdin', '--stdin requires --oauth'],
    ['--service-account-key - --stdin', '--stdin requires --oauth'],
    ['--token-file /t', '--token-file requires --workload-identity'],
    ['--token-url https://x --metadata', '--token-url requires --workload-identity'],
    ['--metadata --yc-profile prod', '--yc-profile requires --yc'],
  ];
  for (const [line, message] of usageErrorCases) {
    it(`rejects “${line}”`, async () => {
      await assertRejected(line.split(' '), message);
      assert.equal(daemon().connectionCount, 0);
    });
  }

  for (const option of [
    'workload-identity',
    'impersonate-service-account-id',
    'cloud-id',
    'folder-id',
  ] as const) {
    for (const id of ['aje\n0ada', 'aje\x1b[2J', 'aje\u202e0ada', '../aje', 'a'.repeat(51)]) {
      it(`rejects the id ${JSON.stringify(id).slice(0, 20)} for --${option}`, async () => {
        await assertRejected(
          [`--${option}=${id}`],
          `invalid value "${escapeControlCharacters(id)}" for --${option}: must be an id of Yandex Cloud: at most 50 letters, digits, - and _`,
          'iam-token login --help',
        );
        assert.equal(daemon().connectionCount, 0);
      });
    }
  }
});
