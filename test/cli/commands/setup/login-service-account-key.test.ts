import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unreadableFileError } from '../../../../src/cli/commands/setup/secret-file.ts';
import { respondWith } from '../../../support/daemon/scripted-daemon.ts';
import { runInTerminal } from '../../../support/processes/pseudo-terminal.ts';
import { runCli } from '../../../support/processes/run-cli.ts';
import {
  acceptLogin,
  createStatusResult,
  helloResult,
  key,
  loggedInOutput,
  useLoginFixture,
} from './login-fixture.ts';

describe('iam-token login --service-account-key', () => {
  const { daemon, folder, run, loginParams, assertRejected, keyFile } = useLoginFixture();

  it('sends the whole file unchanged, and prints how to delete it', async () => {
    const path = keyFile();
    assert.deepEqual(await run(['--service-account-key', path]), {
      stdout: loggedInOutput,
      stderr: `iam-token: ${path} is no longer needed\niam-token: hint: rm ${path}\n`,
      code: 0,
    });
    assert.deepEqual(loginParams(), { kind: 'service-account-key', secret: key });
    assert.equal(daemon().requests[0]?.method, 'hello');
  });

  it('reads the key from stdin, and names no file to delete', async () => {
    for (const args of [['--service-account-key', '-'], ['--service-account-key=-']]) {
      assert.deepEqual(await run(args, key), { stdout: loggedInOutput, stderr: '', code: 0 });
      assert.deepEqual(loginParams(), { kind: 'service-account-key', secret: key });
    }
  });

  it('reads the key from a named pipe', async () => {
    const path = join(folder(), 'pipe');
    execFileSync('mkfifo', ['-m', '600', path]);
    const [{ code }] = await Promise.all([run(['--service-account-key', path]), writeFile(path, key)]);
    assert.equal(code, 0);
    assert.deepEqual(loginParams(), { kind: 'service-account-key', secret: key });
  });

  it('advises to keep the file if the store is in memory', async () => {
    daemon().setScript(acceptLogin('memory'));
    const path = keyFile();
    assert.deepEqual(await run(['--service-account-key', path]), {
      stdout: loggedInOutput,
      stderr: `iam-token: keep ${path}: the memory store loses the key when the daemon stops\n`,
      code: 0,
    });
  });

  it('C6: does not mention the file, or its mode, after a failed login', async () => {
    daemon().setScript((request, peer) => {
      if (request.method === 'login') {
        peer.fail(request, { code: 'login_required', message: 'IAM does not know this key' });
      } else respondWith({ hello: helloResult, status: createStatusResult('keychain') })(request, peer);
    });
    assert.deepEqual(await run(['--service-account-key', keyFile('key.json', key, 0o644)]), {
      stdout: '',
      stderr: 'iam-token: error: IAM does not know this key\n',
      code: 4,
    });
  });

  for (const mode of [0o644, 0o640, 0o604]) {
    it(`warns of a file with mode ${mode.toString(8)}, and continues`, async () => {
      const path = keyFile('key.json', key, mode);
      const { stdout, stderr, code } = await run(['--service-account-key', path]);
      assert.deepEqual([stdout, code], [loggedInOutput, 0]);
      assert.ok(
        stderr.startsWith(
          `iam-token: warning: other users can read ${path}\niam-token: hint: chmod 600 ${path}\n`,
        ),
        stderr,
      );
    });
  }

  it('quotes the name of the file in its hints', async () => {
    const path = keyFile("my key's;.json", key, 0o644);
    const { stderr } = await run(['--service-account-key', path]);
    const [, chmod = '', , rm = ''] = stderr.split('\n');
    for (const hint of [chmod, rm]) {
      execFileSync('sh', ['-c', hint.replace('iam-token: hint: ', '')]);
    }
    assert.throws(() => rmSync(path), { code: 'ENOENT' });
  });

  it('follows a symbolic link, and names the link', async () => {
    const link = join(folder(), 'link');
    symlinkSync(keyFile(), link);
    const { stderr, code } = await run(['--service-account-key', link]);
    assert.deepEqual([stderr.endsWith(`rm ${link}\n`), code], [true, 0]);
  });

  it('does not print a key that was given instead of a path', async () => {
    const key = '{"private_key":"canary"}';
    await assertRejected(
      ['--service-account-key', key],
      'expected the name of a file (or - for stdin), not the key itself',
    );
  });

  it('rejects a missing file and a folder', async () => {
    const path = join(folder(), 'nothing');
    await assertRejected(['--service-account-key', path], `no such file: ${path}`);
    mkdirSync(path);
    await assertRejected(['--service-account-key', path], `${path} is a folder, not a file`);
  });

  // The tests may run as root, which can read everything.
  it('reports a file that cannot be read', () => {
    const { message, hint } = unreadableFileError('my key', "'my key'", 'EACCES');
    assert.deepEqual([message, hint], ['permission denied: my key', "ls -l 'my key'"]);
    assert.equal(unreadableFileError('key', 'key', 'EIO').message, 'cannot read key: EIO');
  });

  it('rejects more than 64 KiB from any source', async () => {
    const tooLong = 'the credential is too long: over 65536 bytes';
    await assertRejected(['--service-account-key', keyFile('large', Buffer.alloc(65_537, 'x'))], tooLong);
    await assertRejected(['--service-account-key', '/dev/zero'], tooLong);
    const { stderr, code } = await run(['--service-account-key', '-'], 'x'.repeat(1_000_000));
    assert.deepEqual([stderr, code], [`iam-token: error: ${tooLong}\n`, 2]);
  });

  it('is not read from a terminal', async () => {
    const { screen, code } = await runInTerminal(['login', '--service-account-key', '-'], [], {
      socket: daemon().socketPath,
    });
    assert.equal(
      screen,
      'iam-token: error: cannot read the key from a terminal, which would show it\r\n' +
        'iam-token: hint: iam-token login --service-account-key FILE\r\n',
    );
    assert.equal(code, 2);
    assert.equal(daemon().connectionCount, 0);
  });

  it('exits with 3 before it reads the file, without a daemon', async () => {
    const { stderr, code } = await runCli(['login', '--service-account-key', '/nowhere/key.json']);
    assert.equal(code, 3);
    assert.match(stderr, /^iam-token: error: iam-tokend is not running \(no socket at /);
  });
});
