import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { respondWith, ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';
import { unpackTarball } from '../support/processes/package-tarball.ts';
import { root } from '../conventions/source-tree.ts';

/** A program that uses every export of the library, as an ES module and as CommonJS. */
const consumerSource = `
const tokens: IamTokenCache = iamTokenCache({ profile: 'work' });
const request: (signal: AbortSignal) => Promise<IamToken> = (signal) => getIamToken({ signal, minTtlMs: 60_000 });
const authorizedFetch: typeof fetch = fetchWithIamToken(tokens);
const { iamToken }: { iamToken: string } = nodejsSdkSession(tokens);
async function watch(): Promise<void> {
  for await (const { token, expiresAt } of watchIamToken({ onProblem: ({ code, hint }) => console.log(code, hint) }))
    console.log(token, expiresAt);
}
// @ts-expect-error no such option
void getIamToken({ minTtl: '10m' });
export { authorizedFetch, iamToken, IamTokenError, request, watch };
`;
const clientImports =
  'getIamToken, type IamToken, type IamTokenCache, iamTokenCache, IamTokenError, watchIamToken';
const adapterImports = 'fetchWithIamToken, nodejsSdkSession';

describe('the packed library', () => {
  let folder: string;
  let daemon: ScriptedDaemon;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'iam-tokend-user-'));
    unpackTarball(join(folder, 'node_modules/iam-tokend'));
    mkdirSync(join(folder, 'node_modules/@types'));
    for (const types of ['@types/node', 'undici-types']) {
      symlinkSync(join(root, 'node_modules', types), join(folder, 'node_modules', types));
    }
    writeFileSync(join(folder, 'package.json'), '{}');
    daemon = await ScriptedDaemon.start(
      respondWith({
        token: { token: 't1.a', expiresAt: '2100-01-01T00:00:00.000Z', profile: 'work', subject: null },
      }),
    );
  });

  after(async () => {
    await daemon?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function runProgram(name: string, source: string): Promise<string> {
    writeFileSync(join(folder, name), source);
    const child = spawn(process.execPath, [name], {
      cwd: folder,
      env: { IAM_TOKEND_SOCKET: daemon.socketPath },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    await new Promise((resolve) => child.once('close', resolve));
    return output;
  }

  const printToken = `.then(({ token }) => console.log(token, typeof fetchWithIamToken))`;
  const programs = {
    'user.mjs': `import { getIamToken } from 'iam-tokend/client';
      import { fetchWithIamToken } from 'iam-tokend/adapters';
      getIamToken()${printToken};`,
    'user.cjs': `const { getIamToken } = require('iam-tokend/client');
      const { fetchWithIamToken } = require('iam-tokend/adapters');
      getIamToken()${printToken};`,
  };
  for (const [name, program] of Object.entries(programs)) {
    it(`serves a token to ${name} without any other package`, async () => {
      assert.equal(await runProgram(name, program), 't1.a function\n');
    });
  }

  it('B12: serves a token to a program whose timers are fake, and lets it end', async () => {
    const source = `globalThis.setTimeout = globalThis.setImmediate = () => ({});
      require('iam-tokend/client').getIamToken().then(({ token }) => console.log(token));`;
    assert.equal(await runProgram('fake-timers.cjs', source), 't1.a\n');
  });

  it('has types for ES modules and CommonJS', () => {
    const imports = `import { ${clientImports} } from 'iam-tokend/client';\nimport { ${adapterImports} } from 'iam-tokend/adapters';\n`;
    for (const name of ['user.mts', 'user.cts']) writeFileSync(join(folder, name), imports + consumerSource);
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

  // The compiler here has no such resolution any more.
  it('B12: names the types of each entry point for the module resolution node10, which ignores exports', () => {
    const packageFolder = join(folder, 'node_modules/iam-tokend');
    const { exports, typesVersions } = JSON.parse(
      readFileSync(join(packageFolder, 'package.json'), 'utf8'),
    ) as {
      readonly exports: Readonly<Record<string, { readonly require?: string }>>;
      readonly typesVersions: { readonly '*': Readonly<Record<string, readonly [string]>> };
    };
    for (const [entryPoint, { require }] of Object.entries(exports)) {
      if (require === undefined) continue;
      const [types] = typesVersions['*'][entryPoint.replace('./', '')] ?? [''];
      assert.equal(types, require.replace(/\.js$/, '.d.ts'));
      assert.ok(existsSync(join(packageFolder, types)));
    }
  });
});
