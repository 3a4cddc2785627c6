import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { version } from '../../src/shared/version.ts';
import { clientBundle, buildCleanEnv } from '../support/processes/run-cli.ts';
import { respondWith, ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';

const importPattern = /\brequire\("([^"]+)"\)|\bimport\("([^"]+)"\)/g;

function findImportedModules(path: string): readonly string[] {
  return [...readFileSync(path, 'utf8').matchAll(importPattern)].map(
    ([, first, second]) => first ?? second ?? '',
  );
}

describe('bundle of iam-token', () => {
  it('imports only node:net, node:fs and node:path to print a token, and no package', () => {
    assert.deepEqual(
      new Set(findImportedModules(clientBundle)),
      // The last is loaded if no daemon is found.
      new Set(['node:net', 'node:fs', 'node:path', './iam-token-commands.js', './iam-token-find-daemon.js']),
    );
    const commands = findImportedModules(join(dirname(clientBundle), 'iam-token-commands.js'));
    assert.deepEqual(
      new Set(commands),
      new Set([
        ...['node:crypto', 'node:fs', 'node:fs/promises', 'node:net', 'node:os', 'node:path', 'node:util'],
        // Loaded only where they are needed: by `doctor`, `install`, `status --metrics` and a login on a terminal.
        ...['./iam-token-doctor.js', './iam-token-find-daemon.js'],
        ...['./package-prom-client.js', './package-yaml.js'],
        ...['node:child_process', 'node:http', 'node:readline'],
      ]),
    );
    // esbuild compiles an import on demand to an arrow function.
    const withoutLazyImports = readFileSync(
      join(dirname(clientBundle), 'iam-token-commands.js'),
      'utf8',
    ).replaceAll(/=>\s*__toESM\(require\("[^"]+"\)/g, '');
    assert.doesNotMatch(withoutLazyImports, /\brequire\("(node:(child_process|http|readline)|\.[^"]*)"/);
  });

  it('loads no other file to print a token, and only the modules of Node that node:net loads', async () => {
    const token = { token: 't1.a', expiresAt: '2026-11-24T22:04:05.000Z', profile: 'work', subject: null };
    const daemon = await ScriptedDaemon.start(respondWith({ token }));
    const report = `process.on('exit', () => require('fs').writeSync(2, JSON.stringify([
      process.moduleLoadList.filter((name) => name.startsWith('NativeModule ')),
      Object.keys(require.cache)])));`;
    const listLoadedModules = async (
      script: string,
    ): Promise<readonly [ofNode: string[], files: string[]]> => {
      const env = buildCleanEnv({ socket: daemon.socketPath });
      const { stderr } = await promisify(execFile)(process.execPath, ['-e', report + script], { env });
      return JSON.parse(stderr) as [string[], string[]];
    };
    try {
      const [nodeModules, files] = await listLoadedModules(
        `process.argv.splice(1, Infinity, ${JSON.stringify(clientBundle)}); require(${JSON.stringify(clientBundle)});`,
      );
      const [modulesOfNet] = await listLoadedModules(
        "const s = require('net').connect(process.env.IAM_TOKEND_SOCKET, () => process.exit());",
      );
      assert.deepEqual(files, [clientBundle]);
      assert.deepEqual(
        nodeModules.filter((name) => !modulesOfNet.includes(name)),
        [],
      );
    } finally {
      await daemon.close();
    }
  });

  it('is executable', () => {
    assert.equal(execFileSync(clientBundle, ['--version'], { encoding: 'utf8' }), `iam-token ${version}\n`);
  });
});
