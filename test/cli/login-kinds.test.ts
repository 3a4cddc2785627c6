import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unreadable } from '../../src/cli/secret-file.ts';
import { runInTerminal } from '../support/pseudo-terminal.ts';
import { runCli } from '../support/run-cli.ts';
import { answering, ScriptedDaemon } from '../support/scripted-daemon.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const hello = { version: '0.1.0', protocol: 1 };
const login = { profile: 'default', subject: 'aje0ada', expiresAt: '2026-11-24T22:04:05.000Z' };
const done = 'logged in as aje0ada; the IAM token lives until 2026-11-24 22:04:05\n';
const key = '{\n   "id": "ajekey",\n   "private_key": "canary ✓"\n}\n';

const status = (storeKind: string): object => ({
  daemon: {
    version: '0.1.0',
    pid: 1,
    startedAt: '2026-11-24T08:00:00.000Z',
    store: { kind: storeKind, state: 'open', problem: null },
  },
  profiles: [],
  next: null,
});

describe('iam-token login with a kind of credential', () => {
  const folder = temporaryFolder();
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(answering({ hello, login, status: status('keychain') }));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[], stdin = '', env: Readonly<Record<string, string>> = {}) =>
    runCli(['login', ...args], { socket: daemon.socketPath, stdin, env });
  const given = (): unknown => daemon.requests.find(({ method }) => method === 'login')?.params;
  const refusedWith = async (args: readonly string[], message: string, hint?: string): Promise<void> => {
    const { stdout, stderr, code } = await run(args, key);
    const hinted = hint === undefined ? '' : `iam-token: hint: ${hint}\n`;
    assert.deepEqual(
      { stdout, stderr, code },
      { stdout: '', stderr: `iam-token: error: ${message}\n${hinted}`, code: 2 },
    );
    assert.equal(given(), undefined);
  };

  function keyFile(name = 'key.json', text: string | Uint8Array = key, mode = 0o600): string {
    const path = join(folder(), name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }

  describe('--service-account-key', () => {
    it('hands the whole file over as it is, and says how to delete it', async () => {
      const path = keyFile();
      assert.deepEqual(await run(['--service-account-key', path]), {
        stdout: done,
        stderr: `iam-token: ${path} is not needed any more\niam-token: hint: rm ${path}\n`,
        code: 0,
      });
      assert.deepEqual(given(), { kind: 'service-account-key', secret: key });
      assert.equal(daemon.requests[0]?.method, 'hello');
    });

    it('takes the key from stdin, and has no file to delete', async () => {
      for (const args of [['--service-account-key', '-'], ['--service-account-key=-']]) {
        assert.deepEqual(await run(args, key), { stdout: done, stderr: '', code: 0 });
        assert.deepEqual(given(), { kind: 'service-account-key', secret: key });
      }
    });

    it('takes the key from a pipe that has a name', async () => {
      const path = join(folder(), 'pipe');
      execFileSync('mkfifo', ['-m', '600', path]);
      const [{ code }] = await Promise.all([run(['--service-account-key', path]), writeFile(path, key)]);
      assert.equal(code, 0);
      assert.deepEqual(given(), { kind: 'service-account-key', secret: key });
    });

    it('says to keep the file where the daemon forgets the key', async () => {
      daemon.become(answering({ hello, login, status: status('memory') }));
      const path = keyFile();
      assert.deepEqual(await run(['--service-account-key', path]), {
        stdout: done,
        stderr: `iam-token: keep ${path}: the daemon has the key in memory alone, and forgets it when it ends\n`,
        code: 0,
      });
    });

    it('says nothing of the file where the login failed', async () => {
      daemon.become((request, peer) => {
        if (request.method === 'login') {
          peer.fail(request, { code: 'login_required', message: 'IAM does not know this key' });
        } else answering({ hello, status: status('keychain') })(request, peer);
      });
      assert.deepEqual(await run(['--service-account-key', keyFile()]), {
        stdout: '',
        stderr: 'iam-token: error: IAM does not know this key\n',
        code: 4,
      });
    });

    for (const mode of [0o644, 0o640, 0o604]) {
      it(`warns of a file of mode ${mode.toString(8)}, and goes on`, async () => {
        const path = keyFile('key.json', key, mode);
        const { stdout, stderr, code } = await run(['--service-account-key', path]);
        assert.deepEqual([stdout, code], [done, 0]);
        assert.ok(
          stderr.startsWith(
            `iam-token: warning: others on this machine can read ${path}\niam-token: hint: chmod 600 ${path}\n`,
          ),
          stderr,
        );
      });
    }

    it('gives commands that can be typed as they stand, whatever the file is called', async () => {
      const path = keyFile("my key's;.json", key, 0o644);
      const { stderr } = await run(['--service-account-key', path]);
      const [, chmod = '', , rm = ''] = stderr.split('\n');
      for (const hint of [chmod, rm]) {
        execFileSync('sh', ['-c', hint.replace('iam-token: hint: ', '')]);
      }
      assert.throws(() => rmSync(path), { code: 'ENOENT' });
    });

    it('finds a file through a link, and the link is what it names', async () => {
      const link = join(folder(), 'link');
      symlinkSync(keyFile(), link);
      const { stderr, code } = await run(['--service-account-key', link]);
      assert.deepEqual([stderr.endsWith(`rm ${link}\n`), code], [true, 0]);
    });

    it('does not say the key back where it stands in place of a path', async () => {
      const key = '{"private_key":"canary"}';
      await refusedWith(
        ['--service-account-key', key],
        'the key itself stands there; name its file, or - for stdin',
      );
    });

    it('names a file that is not there, or is a folder', async () => {
      const path = join(folder(), 'nothing');
      await refusedWith(['--service-account-key', path], `there is no file ${path}`);
      mkdirSync(path);
      await refusedWith(['--service-account-key', path], `${path} is a folder; a file is needed`);
    });

    // Root, as whom tests may run, reads everything.
    it('names a file that may not be read', () => {
      const { message, hint } = unreadable('my key', "'my key'", 'EACCES');
      assert.deepEqual([message, hint], ['you may not read my key', "see who may: ls -l 'my key'"]);
      assert.equal(unreadable('key', 'key', 'EIO').message, 'key cannot be read: EIO');
    });

    it('reads no more than 64 KB of anything', async () => {
      const tooLong = 'that is no credential: it has over 65536 bytes';
      await refusedWith(['--service-account-key', keyFile('large', Buffer.alloc(65_537, 'x'))], tooLong);
      await refusedWith(['--service-account-key', '/dev/zero'], tooLong);
      const { stderr, code } = await run(['--service-account-key', '-'], 'x'.repeat(1_000_000));
      assert.deepEqual([stderr, code], [`iam-token: error: ${tooLong}\n`, 2]);
    });

    it('is not read from a terminal, which would show it', async () => {
      const { screen, code } = await runInTerminal(['login', '--service-account-key', '-'], [], {
        socket: daemon.socketPath,
      });
      assert.equal(
        screen,
        'iam-token: error: a terminal would show the key\r\n' +
          'iam-token: hint: name its file: iam-token login --service-account-key FILE; or pipe it in\r\n',
      );
      assert.equal(code, 2);
      assert.equal(daemon.connections, 0);
    });

    it('ends with 3 before it reads the file, where there is no daemon', async () => {
      const { stderr, code } = await runCli(['login', '--service-account-key', '/nowhere/key.json']);
      assert.equal(code, 3);
      assert.match(stderr, /^iam-token: error: nothing listens at /);
    });
  });

  it('--metadata hands over nothing at all', async () => {
    assert.deepEqual(await run(['--metadata']), { stdout: done, stderr: '', code: 0 });
    assert.deepEqual(given(), { kind: 'metadata' });
    assert.deepEqual(
      daemon.requests.map(({ method }) => method),
      ['hello', 'status', 'login'],
    );
  });

  it('--workload-identity names the account, and the token file as the daemon finds it', async () => {
    const args = ['--workload-identity', 'aje0ada', '--token-file'];
    assert.equal((await run([...args, '/var/run/token'])).code, 0);
    assert.equal((await run([...args, 'run/../token'])).code, 0);
    assert.deepEqual(
      daemon.requests.filter(({ method }) => method === 'login').map(({ params }) => params),
      ['/var/run/token', join(process.cwd(), 'token')].map((tokenFile) => ({
        kind: 'workload-identity',
        settings: { serviceAccountId: 'aje0ada', tokenFile },
      })),
    );
  });

  it('--workload-identity needs the token file', () =>
    refusedWith(
      ['--workload-identity', 'aje0ada'],
      '--workload-identity needs the file of the OIDC token',
      'iam-token login --workload-identity SA_ID --token-file PATH',
    ));

  it('names the profile in what it says to do', async () => {
    await refusedWith(
      ['--profile', 'my prod', '--workload-identity', 'aje0ada'],
      '--workload-identity needs the file of the OIDC token',
      "iam-token login --profile='my prod' --workload-identity SA_ID --token-file PATH",
    );
    await refusedWith(
      ['--profile', 'prod'],
      'there is no terminal to ask for the OAuth token',
      'give it on one line of stdin: iam-token login --profile prod --stdin < FILE',
    );
  });

  it('--yc names the program that the person would run, which the daemon may not find', async () => {
    const yc = keyFile('yc', '#!/bin/sh\n', 0o755);
    const paths = `relative:${join(folder(), 'nothing')}:${folder()}:/usr/bin`;
    assert.equal((await run(['--yc'], '', { PATH: paths })).code, 0);
    assert.deepEqual(given(), { kind: 'yc', settings: { path: yc } });
  });

  it('--yc leaves the search to the daemon where the person has no such program', async () => {
    keyFile('yc', 'no program');
    const env = { PATH: folder(), HOME: folder() };
    assert.equal((await run(['--yc', '--yc-profile', 'prod'], '', env)).code, 0);
    assert.deepEqual(given(), { kind: 'yc', settings: { profile: 'prod' } });
  });

  it('says all the lines that the daemon has on the end of OAuth', async () => {
    const hint = 'log in with another kind: --yc\niam-token login --yc';
    daemon.become((request, peer) => {
      if (request.method === 'hello') peer.answer(request, hello);
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

  it('hands over whom to act as, cloud and folder, in both spellings', async () => {
    for (const join of [' ', '=']) {
      const spelled = [
        ['--impersonate-service-account-id', 'ajesa'],
        ['--cloud-id', 'b1gcloud'],
        ['--folder-id', 'b1gfolder'],
        ['--endpoint', 'https://iam.api.yandexcloud.kz'],
        ['--profile', 'work'],
      ].flatMap((pair) => pair.join(join).split(' '));
      await run(['--metadata', ...spelled]);
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
      daemon.requests.filter(({ method }) => method === 'login').map((request) => request.params),
      [params, params],
    );
  });

  const wrong: readonly (readonly [string, string])[] = [
    ['--oauth --metadata', '--oauth and --metadata are two kinds of credential; give one of them'],
    [
      '--yc --service-account-key key.json',
      '--service-account-key and --yc are two kinds of credential; give one of them',
    ],
    [
      '--workload-identity a --token-file /t --metadata',
      '--metadata and --workload-identity are two kinds of credential; give one of them',
    ],
    ['--metadata --stdin', '--stdin goes with --oauth'],
    ['--service-account-key - --stdin', '--stdin goes with --oauth'],
    ['--token-file /t', '--token-file goes with --workload-identity'],
    ['--metadata --yc-profile prod', '--yc-profile goes with --yc'],
  ];
  for (const [line, message] of wrong) {
    it(`refuses “${line}”`, async () => {
      await refusedWith(line.split(' '), message);
      assert.equal(daemon.connections, 0);
    });
  }

  for (const option of [
    'workload-identity',
    'impersonate-service-account-id',
    'cloud-id',
    'folder-id',
  ] as const) {
    for (const id of ['aje\n0ada', 'aje\x1b[2J', 'aje\u202e0ada', '../aje', 'a'.repeat(51)]) {
      it(`refuses the id ${JSON.stringify(id).slice(0, 20)} for --${option}`, async () => {
        await refusedWith(
          [`--${option}=${id}`],
          `--${option} must be an id of Yandex Cloud: at most 50 letters, digits, - and _`,
        );
        assert.equal(daemon.connections, 0);
      });
    }
  }
});
