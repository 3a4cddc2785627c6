import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { bundle, cleanEnv } from '../support/run-cli.ts';
import { answering, ScriptedDaemon } from '../support/scripted-daemon.ts';

const required = /\brequire\("([^"]+)"\)|\bimport\("([^"]+)"\)/g;

function modulesIn(path: string): readonly string[] {
  return [...readFileSync(path, 'utf8').matchAll(required)].map(([, first, second]) => first ?? second ?? '');
}

describe('the bundle of iam-token', () => {
  it('needs node:net, node:fs and node:path on its way to a token, and no package at all', () => {
    assert.deepEqual(
      new Set(modulesIn(bundle)),
      new Set(['node:net', 'node:fs', 'node:path', './iam-token-commands.js']),
    );
    const commands = modulesIn(join(dirname(bundle), 'iam-token-commands.js'));
    // The last two are loaded by `install` alone.
    assert.deepEqual(
      new Set(commands),
      new Set([
        ...['node:net', 'node:fs', 'node:path', 'node:util', './iam-token-doctor.js'],
        ...['node:child_process', 'yaml'],
      ]),
    );
    // The others stand in a function, and are read when it runs.
    assert.doesNotMatch(
      readFileSync(join(dirname(bundle), 'iam-token-commands.js'), 'utf8'),
      /^\S.*require\("(yaml|node:child_process|\.[^"]*)"/m,
    );
  });

  it('loads no other file, and none of Node that node:net does not load, on its way to a token', async () => {
    const token = { token: 't1.a', expiresAt: '2026-11-24T22:04:05.000Z', profile: 'work', subject: null };
    const daemon = await ScriptedDaemon.start(answering({ token }));
    const report = `process.on('exit', () => require('fs').writeSync(2, JSON.stringify([
      process.moduleLoadList.filter((name) => name.startsWith('NativeModule ')),
      Object.keys(require.cache)])));`;
    const loaded = async (script: string): Promise<readonly [ofNode: string[], files: string[]]> => {
      const env = cleanEnv({ socket: daemon.socketPath });
      const { stderr } = await promisify(execFile)(process.execPath, ['-e', report + script], { env });
      return JSON.parse(stderr) as [string[], string[]];
    };
    try {
      const [ofNode, files] = await loaded(
        `process.argv.splice(1, Infinity, ${JSON.stringify(bundle)}); require(${JSON.stringify(bundle)});`,
      );
      const [ofNet] = await loaded(
        "const s = require('net').connect(process.env.IAM_TOKEND_SOCKET, () => process.exit());",
      );
      assert.deepEqual(files, [bundle]);
      assert.deepEqual(
        ofNode.filter((name) => !ofNet.includes(name)),
        [],
      );
    } finally {
      await daemon.close();
    }
  });

  it('can be run by its name', () => {
    assert.equal(execFileSync(bundle, ['--version'], { encoding: 'utf8' }), 'iam-token 0.1.0\n');
  });
});
