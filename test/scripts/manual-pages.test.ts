import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { daemonOptions } from '../../src/cli/daemon-options.ts';
import { callOf, commands, optionsOf, signature } from '../../src/cli/options.ts';
import { manifest } from '../house/package-tree.ts';
import { root } from '../house/source-tree.ts';

const pages = ['iam-token.1', 'iam-tokend.8'] as const;

/** The page as a person reads it, wide enough that no line of it is broken, and without bold. */
function read(page: (typeof pages)[number]): string {
  const groff = ['-man', '-Tutf8', '-P-c', '-rLL=1000n', join(root, 'dist/man', page)];
  return execFileSync('groff', groff, { encoding: 'utf8' }).replaceAll(/.[\b]/g, '');
}

/** What stands below a line of the page, further in than it. */
function below(text: string, line: string): string {
  const lines = text.split('\n');
  const at = lines.findIndex((each) => each.trim() === line);
  const depth = (each: string | undefined): number => each?.search(/\S/) ?? 0;
  const rest = lines.slice(at + 1);
  const end = rest.findIndex((each) => each.trim() !== '' && depth(each) <= depth(lines[at]));
  return at === -1 ? '' : rest.slice(0, end).join('\n');
}

describe('the manual pages', () => {
  for (const page of pages) {
    it(`${page} has no fault that groff or mandoc would find`, () => {
      const path = join(root, 'dist/man', page);
      const groff = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z', path], { encoding: 'utf8' });
      assert.deepEqual([groff.stderr, groff.status], ['', 0]);
      const mandoc = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', path], { encoding: 'utf8' });
      assert.deepEqual([mandoc.stdout, mandoc.stderr, mandoc.status], ['', '', 0]);
    });
  }

  it('name each command, and each of its options below it', () => {
    const text = read('iam-token.1');
    const common = below(text, 'OPTIONS OF ALL COMMANDS');
    for (const command of commands) {
      const own = below(text, command.name === 'token' ? 'OPTIONS' : callOf(command));
      for (const option of optionsOf(command.name)) {
        const line = new RegExp(`^ +${signature(option).replaceAll(/[|.]/g, String.raw`\$&`)}( |$)`, 'm');
        assert.match(own + common, line, callOf(command));
      }
    }
  });

  it('name each option of the daemon', () => {
    const text = below(read('iam-tokend.8'), 'OPTIONS');
    for (const name of Object.keys(daemonOptions)) assert.match(text, new RegExp(`^ +--${name}( |$)`, 'm'));
  });

  it('are where npm looks for them, and are packed', () => {
    assert.deepEqual(
      manifest.man,
      pages.map((page) => `./dist/man/${page}`),
    );
    for (const path of manifest.man) assert.ok(existsSync(join(root, path)));
    assert.ok(manifest.files.includes('dist/man'));
  });
});
