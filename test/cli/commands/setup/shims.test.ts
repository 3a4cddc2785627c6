import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createShims } from '../../../../src/cli/commands/setup/shims.ts';
import { closedInspectorOption } from '../../../../src/platform/inspector-option.ts';
import { isShim, processContext } from '../../../../src/platform/process-context.ts';
import { useTemporaryFolder } from '../../../support/temporary-folder.ts';

describe('the programs in ~/.local/bin', () => {
  const folder = useTemporaryFolder();
  let home: string;
  let client: string;
  let node: string;

  beforeEach(() => {
    home = join(folder(), "o'home $HOME");
    client = join(folder(), 'package', 'iam-token.js');
    node = join(folder(), 'node');
    writeProgram(node, 'echo "node: $*"; exit 5');
    writeProgram(client, '');
    const context = { ...processContext(), platform: 'linux' as const, home: () => home };
    for (const { path, text } of createShims(context, node, client)) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text, { mode: 0o755 });
      assert.ok(isShim(path));
    }
  });

  function writeProgram(path: string, script: string): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  function run(name: string, args: readonly string[], folders: readonly string[] = []): readonly unknown[] {
    const program = join(home, '.local/bin', name);
    const path = [dirname(program), ...folders, '/usr/bin', '/bin'].join(':');
    const { status, stdout, stderr } = spawnSync(program, args, {
      env: { PATH: path, HOME: home },
      encoding: 'utf8',
    });
    return [status, stdout, stderr.split('\n')[0]];
  }

  it('run iam-token with their arguments, and return its exit code', () => {
    assert.deepEqual(run('yc', ['a b', '$c']), [
      5,
      `node: ${closedInspectorOption} ${client} yc a b $c\n`,
      '',
    ]);
    assert.deepEqual(run('docker-credential-iam-token', ['get']), [
      5,
      `node: ${closedInspectorOption} ${client} docker-credential get\n`,
      '',
    ]);
  });

  for (const missing of ['package', 'node'] as const) {
    describe(`without the ${missing}`, () => {
      let missingPath: string;
      beforeEach(() => {
        missingPath = missing === 'node' ? node : client;
        rmSync(missingPath);
      });

      it('C9: yc runs the real yc in PATH, and skips other shims', () => {
        const otherShim = join(folder(), 'shims', 'yc');
        mkdirSync(dirname(otherShim));
        writeFileSync(otherShim, createShims(processContext(), node, client)[1]?.text ?? '', { mode: 0o755 });
        const realYc = join(folder(), 'a * folder', 'yc');
        writeProgram(realYc, 'echo "yc: $# $*"; exit 7');
        assert.deepEqual(run('yc', ['a b', '*'], ['relative', dirname(otherShim), dirname(realYc)]), [
          7,
          'yc: 2 a b *\n',
          `yc: warning: cannot find ${missingPath}; running ${realYc}`,
        ]);
      });

      it('C9: yc runs the real yc in the folder of its installer', () => {
        const realYc = join(home, 'yandex-cloud/bin/yc');
        writeProgram(realYc, 'echo real');
        assert.deepEqual(run('yc', []).slice(0, 2), [0, 'real\n']);
      });

      it('C9: yc says in a sentence that there is no other yc', () => {
        assert.deepEqual(run('yc', ['version']), [
          127,
          '',
          `yc: error: cannot find ${missingPath}, and no other yc`,
        ]);
      });

      it('C9: the docker helper answers docker with a sentence', () => {
        const [status, stdout] = run('docker-credential-iam-token', ['get']);
        assert.equal(status, 1);
        assert.ok(String(stdout).startsWith(`cannot find ${missingPath}; install iam-tokend again`));
      });
    });
  }
});
