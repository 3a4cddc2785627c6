import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTokenFile } from '../../src/sources/token-file.ts';
import { oidcToken } from '../support/source-houses.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const nowMs = Date.UTC(2026, 10, 24, 12);

describe('the file of an OIDC token', () => {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder(), name);

  async function said(path: string): Promise<string> {
    const read = await readTokenFile(path, nowMs);
    assert.ok(!read.ok);
    assert.doesNotMatch(read.message, /canary|eyJ/);
    return read.message.replace(folder(), '');
  }

  it('is read anew each time, and through the links that Kubernetes turns', async () => {
    for (const sub of ['one', 'two']) {
      mkdirSync(at(sub));
      const token = oidcToken({ sub });
      writeFileSync(join(at(sub), 'token'), `${token}\n`);
      symlinkSync(join(at(sub), 'token'), at('turned'));
      execFileSync('mv', ['-T', at('turned'), at('token')]);
      const read = await readTokenFile(at('token'), nowMs);
      assert.ok(read.ok && read.token.expose() === token);
    }
  });

  it('may hold a token that does not say when it ends', async () => {
    writeFileSync(at('token'), oidcToken({ exp: undefined }));
    assert.ok((await readTokenFile(at('token'), nowMs)).ok);
  });

  it('is not there, or not a file', async () => {
    assert.equal(await said(at('token')), 'the token file /token is not there');
    assert.equal(await said(join(at('token'), 'x')), 'the token file /token/x is not there');
    mkdirSync(at('token'));
    assert.equal(await said(at('token')), 'the token file /token is a folder');
  });

  it('is not waited for where it is a pipe', async () => {
    execFileSync('mkfifo', [at('token')]);
    assert.equal(await said(at('token')), 'the token file /token is no regular file');
  });

  it('may be closed to us', async function () {
    if (process.getuid?.() === 0) return; // root reads everything
    writeFileSync(at('token'), oidcToken());
    chmodSync(at('token'), 0);
    assert.equal(await said(at('token')), 'the token file /token may not be read');
  });

  const expired = 'the token in /token has expired, and nobody has put a new one there';
  const noJwt = 'the token file /token holds no OIDC token (a JWT)';
  const rows: readonly (readonly [string, string, string])[] = [
    ['empty', '', 'the token file /token is empty'],
    ['a line break', '\n', 'the token file /token is empty'],
    ['10 MB', 'canary'.repeat(1_700_000), 'the token file /token is larger than 64 KiB'],
    ['words', 'canary', noJwt],
    ['two tokens', `${oidcToken()}\n${oidcToken()}`, noJwt],
    ['an IAM token', 't1.canary.canary', noJwt],
    ['a token whose second part is no JSON', 'eyJ.canary.x', noJwt],
    ['a token that ends now', oidcToken({ exp: nowMs / 1_000 }), expired],
    ['a token of yesterday', oidcToken({ exp: nowMs / 1_000 - 86_400 }), expired],
  ];
  for (const [name, text, message] of rows) {
    it(`may hold ${name}`, async () => {
      writeFileSync(at('token'), text);
      assert.equal(await said(at('token')), message);
    });
  }
});
