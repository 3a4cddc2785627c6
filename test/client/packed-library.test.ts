import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answering, ScriptedDaemon } from '../support/scripted-daemon.ts';
import { unpackPacked } from '../support/packed-installation.ts';
import { root } from '../house/source-tree.ts';

/** What a program of somebody else's does with all that the library has; in both kinds of module the same. */
const use = `
const tokens: IamTokenCache = iamTokenCache({ profile: 'work' });
const ask: (signal: AbortSignal) => Promise<IamToken> = (signal) => getIamToken({ signal, minTtlMs: 60_000 });
const living: typeof fetch = fetchWithIamToken(tokens);
const { iamToken }: { iamToken: string } = nodejsSdkSession(tokens);
async function watch(): Promise<void> {
  for await (const { token, expiresAt } of watchIamToken({ onProblem: ({ code, hint }) => console.log(code, hint) }))
    console.log(token, expiresAt);
}
// @ts-expect-error no such option
void getIamToken({ minTtl: '10m' });
export { ask, iamToken, IamTokenError, living, watch };
`;
const client = 'getIamToken, type IamToken, type IamTokenCache, iamTokenCache, IamTokenError, watchIamToken';
const adapters = 'fetchWithIamToken, nodejsSdkSession';

describe('the library, packed', () => {
  let folder: string;
  let daemon: ScriptedDaemon;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'iam-tokend-user-'));
    unpackPacked(join(folder, 'node_modules/iam-tokend'));
    mkdirSync(join(folder, 'node_modules/@types'));
    for (const types of ['@types/node', 'undici-types']) {
      symlinkSync(join(root, 'node_modules', types), join(folder, 'node_modules', types));
    }
    writeFileSync(join(folder, 'package.json'), '{}');
    daemon = await ScriptedDaemon.start(
      answering({
        token: { token: 't1.a', expiresAt: '2100-01-01T00:00:00.000Z', profile: 'work', subject: null },
      }),
    );
  });

  after(async () => {
    await daemon?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const print = `.then(({ token }) => console.log(token, typeof fetchWithIamToken))`;
  const programs = {
    'asking.mjs': `import { getIamToken } from 'iam-tokend/client';
      import { fetchWithIamToken } from 'iam-tokend/adapters';
      getIamToken()${print};`,
    'asking.cjs': `const { getIamToken } = require('iam-tokend/client');
      const { fetchWithIamToken } = require('iam-tokend/adapters');
      getIamToken()${print};`,
  };
  for (const [name, program] of Object.entries(programs)) {
    it(`gives a token to ${name}, and needs no other package`, async () => {
      writeFileSync(join(folder, name), program);
      const child = spawn(process.execPath, [name], {
        cwd: folder,
        env: { IAM_TOKEND_SOCKET: daemon.socketPath },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (piece: string) => (said += piece));
      await new Promise((resolve) => child.once('close', resolve));
      assert.equal(said, 't1.a function\n');
    });
  }

  it('has types for a module of either kind', () => {
    const imports = `import { ${client} } from 'iam-tokend/client';\nimport { ${adapters} } from 'iam-tokend/adapters';\n`;
    for (const name of ['user.mts', 'user.cts']) writeFileSync(join(folder, name), imports + use);
    const compilerOptions = {
      module: 'node20',
      strict: true,
      noEmit: true,
      types: ['node'],
      target: 'es2023',
    };
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['user.mts', 'user.cts'] }),
    );
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc, '--project', folder], { encoding: 'utf8' });
    assert.equal(stdout, '');
    assert.equal(status, 0);
  });
});
