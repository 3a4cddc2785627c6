import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileDeadline } from '../../../src/files/file-deadline.ts';
import { readTokenFile } from '../../../src/sources/kinds/token-file.ts';
import { createOidcToken } from '../../support/iam/source-fixtures.ts';
import { createTestClock } from '../../support/time/test-clock.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const deadline = new FileDeadline(createTestClock());

describe('a token file', () => {
  const folder = useTemporaryFolder();
  const pathOf = (name: string): string => join(folder(), name);

  async function readErrorMessage(path: string): Promise<string> {
    const result = await readTokenFile(path, deadline);
    assert.ok(!result.ok);
    assert.doesNotMatch(result.message, /canary|eyJ/);
    return result.message.replace(folder(), '');
  }

  it('is read each time, also through the links that Kubernetes replaces', async () => {
    for (const sub of ['one', 'two']) {
      mkdirSync(pathOf(sub));
      const token = createOidcToken({ sub });
      writeFileSync(join(pathOf(sub), 'token'), `${token}\n`);
      symlinkSync(join(pathOf(sub), 'token'), pathOf('turned'));
      execFileSync('mv', ['-T', pathOf('turned'), pathOf('token')]);
      const result = await readTokenFile(pathOf('token'), deadline);
      assert.ok(result.ok && result.token.expose() === token);
    }
  });

  it('A10: is accepted whatever its expiry is, and returns a valid one', async () => {
    for (const [exp, expiresAtMs] of [
      [1_000, 1_000_000],
      [0.5, 500],
      [undefined, null],
      [-1, null],
      [1e300, null],
      ['1000', null],
    ] as const) {
      writeFileSync(pathOf('token'), createOidcToken({ exp }));
      const result = await readTokenFile(pathOf('token'), deadline);
      assert.ok(result.ok);
      assert.equal(result.expiresAtMs, expiresAtMs);
    }
  });

  it('is reported if it is missing or not a regular file', async () => {
    assert.equal(await readErrorMessage(pathOf('token')), 'the token file /token does not exist');
    assert.equal(
      await readErrorMessage(join(pathOf('token'), 'x')),
      'the token file /token/x does not exist',
    );
    mkdirSync(pathOf('token'));
    assert.equal(await readErrorMessage(pathOf('token')), 'the token file /token is a folder');
  });

  it('is reported at once if it is a named pipe', async () => {
    execFileSync('mkfifo', [pathOf('token')]);
    assert.equal(await readErrorMessage(pathOf('token')), 'the token file /token is not a regular file');
  });

  it('is reported if it is not readable', async function () {
    if (process.getuid?.() === 0) return; // root reads everything
    writeFileSync(pathOf('token'), createOidcToken());
    chmodSync(pathOf('token'), 0);
    assert.equal(
      await readErrorMessage(pathOf('token')),
      'the token file /token cannot be read: permission denied',
    );
  });

  const noJwt = 'the token file /token holds no OIDC token (no JWT)';
  const rows: readonly (readonly [string, string, string])[] = [
    ['nothing', '', 'the token file /token is empty'],
    ['a line break', '\n', 'the token file /token is empty'],
    ['10 MB', 'canary'.repeat(1_700_000), 'the token file /token is larger than 64 KiB'],
    ['plain text', 'canary', noJwt],
    ['two tokens', `${createOidcToken()}\n${createOidcToken()}`, noJwt],
    ['an IAM token', 't1.canary.canary', noJwt],
    ['a token whose second part is not JSON', 'eyJ.canary.x', noJwt],
  ];
  for (const [name, text, message] of rows) {
    it(`is reported if it holds ${name}`, async () => {
      writeFileSync(pathOf('token'), text);
      assert.equal(await readErrorMessage(pathOf('token')), message);
    });
  }
});
