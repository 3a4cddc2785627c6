import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ErrorCode } from '../../../../src/shared/errors.ts';
import { failWith, respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { createTokenResult } from '../../../support/daemon/scripted-results.ts';
import { runCli } from '../../../support/processes/run-cli.ts';

const token = { ...createTokenResult(0), expiresAt: '2026-11-24T22:04:05.000Z' };

describe('iam-token without a token', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({ token }));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runCli(args, { socket: daemon.socketPath, env });

  const codes: readonly (readonly [ErrorCode, number])[] = [
    ['bad_request', 2],
    ['forbidden', 2],
    ['unknown_method', 1],
    ['unsupported_version', 1],
    ['unknown_profile', 7],
    ['login_required', 4],
    ['unavailable', 5],
    ['keychain_locked', 6],
    ['keychain_unavailable', 6],
    ['locked', 6],
    ['too_busy', 5],
    ['internal', 1],
  ];
  for (const [code, exitCode] of codes) {
    it(`exits with ${exitCode} for ${code}, and prints no token`, async () => {
      daemon.setScript(failWith({ code, message: 'something is wrong', hint: 'iam-token mend' }));
      assert.deepEqual(await run([]), {
        stdout: '',
        stderr: 'iam-token: error: something is wrong\niam-token: hint: iam-token mend\n',
        code: exitCode,
      });
    });
  }

  it('warns of an unknown variable with our prefix, and prints the token', async () => {
    const expected = {
      stdout: `${token.token}\n`,
      stderr:
        'iam-token: warning: unknown environment variable IAM_TOKEND_PROFIL; known: IAM_TOKEND_SOCKET, ' +
        'IAM_TOKEND_PROFILE, IAM_TOKEND_IAM_ENDPOINT, IAM_TOKEND_STORE, IAM_TOKEND_LOG_LEVEL\n',
      code: 0,
    };
    const env = { IAM_TOKEND_PROFIL: 'home' };
    assert.deepEqual(await run([], env), expected);
    assert.deepEqual(await run(['--min-ttl', '1m'], env), expected);
    assert.equal((await run(['create-token', '--no-user-output'], env)).stderr, '');
  });

  it('exits with 3 and a hint if the daemon is not running', async () => {
    assert.deepEqual(await runCli([]), {
      stdout: '',
      stderr:
        'iam-token: error: iam-tokend is not running (no socket at /nowhere/iam-tokend/ipc.sock)\n' +
        "iam-token: hint: iam-tokend --socket '/nowhere/iam-tokend/ipc.sock' &\n",
      code: 3,
    });
  });

  it("exits with 3 when other users can write to the socket's folder", async () => {
    const folder = dirname(daemon.socketPath);
    chmodSync(folder, 0o770);
    assert.deepEqual(await run([]), {
      stdout: '',
      stderr:
        `iam-token: error: the socket's folder ${folder} is writable by other users (mode 0770)\n` +
        `iam-token: hint: chmod 700 '${folder}'\n`,
      code: 3,
    });
    assert.equal(daemon.connectionCount, 0);
  });

  it('exits with 5 if the daemon does not respond within --timeout', async () => {
    daemon.setScript(() => {});
    assert.deepEqual(await run(['--timeout', '1s']), {
      stdout: '',
      stderr: 'iam-token: error: the daemon did not answer within 1 s\niam-token: hint: iam-token doctor\n',
      code: 5,
    });
  });

  it('exits with 3 if the daemon closes the connection', async () => {
    daemon.setScript((_, peer) => peer.end());
    assert.equal((await run([])).code, 3);
  });

  it('exits with 1 if another program listens', async () => {
    daemon.setScript((_, peer) => peer.writeRaw('220 mail.example ESMTP\r\n\f'));
    const { stdout, stderr, code } = await run([]);
    assert.deepEqual([stdout, code], ['', 1]);
    assert.match(
      stderr,
      /^iam-token: error: the program at this socket does not speak the protocol of iam-tokend/,
    );
  });
});
