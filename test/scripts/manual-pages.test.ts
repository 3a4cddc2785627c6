import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { daemonOptions } from '../../src/cli/parsing/daemon-options.ts';
import { allCommands } from '../../src/cli/command-table.ts';
import { formatUsage, optionsOf } from '../../src/cli/parsing/command-options.ts';
import { formatOptionUsage } from '../../src/cli/parsing/options.ts';
import { manifest } from '../conventions/packages/package-tree.ts';
import { root } from '../conventions/source-tree.ts';

const pages = ['iam-token.1', 'iam-tokend.8'] as const;

/** The page as text without bold, in lines that do not wrap. */
function renderPage(page: (typeof pages)[number]): string {
  const groff = ['-man', '-Tutf8', '-P-c', '-rLL=1000n', join(root, 'dist/man', page)];
  return execFileSync('groff', groff, { encoding: 'utf8' }).replaceAll(/.[\b]/g, '');
}

/** The lines that follow a line of the page and are indented further. */
function sectionBelow(text: string, line: string): string {
  const lines = text.split('\n');
  const index = lines.findIndex((each) => each.trim() === line);
  const depth = (each: string | undefined): number => each?.search(/\S/) ?? 0;
  const rest = lines.slice(index + 1);
  const end = rest.findIndex((each) => each.trim() !== '' && depth(each) <= depth(lines[index]));
  return index === -1 ? '' : rest.slice(0, end).join('\n');
}

describe('manual pages', () => {
  for (const page of pages) {
    it(`${page} passes groff and mandoc without warnings`, () => {
      const path = join(root, 'dist/man', page);
      const groff = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z', path], { encoding: 'utf8' });
      assert.deepEqual([groff.stderr, groff.status], ['', 0]);
      const mandoc = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', path], { encoding: 'utf8' });
      assert.deepEqual([mandoc.stdout, mandoc.stderr, mandoc.status], ['', '', 0]);
    });
  }

  it('list each command with its options', () => {
    const text = renderPage('iam-token.1');
    const commonOptions = sectionBelow(text, 'OPTIONS OF ALL COMMANDS');
    for (const command of allCommands) {
      const commandSection = sectionBelow(text, command.name === '' ? 'OPTIONS' : formatUsage(command));
      for (const option of optionsOf(command)) {
        const line = new RegExp(
          `^ +${formatOptionUsage(option).replaceAll(/[|.]/g, String.raw`\$&`)}( |$)`,
          'm',
        );
        assert.match(commandSection + commonOptions, line, formatUsage(command));
      }
    }
  });

  it('list each option of the daemon', () => {
    const text = sectionBelow(renderPage('iam-tokend.8'), 'OPTIONS');
    for (const name of Object.keys(daemonOptions)) assert.match(text, new RegExp(`^ +--${name}( |$)`, 'm'));
  });

  it('are packed at the paths that npm reads', () => {
    assert.deepEqual(
      manifest.man,
      pages.map((page) => `./dist/man/${page}`),
    );
    for (const path of manifest.man) assert.ok(existsSync(join(root, path)));
    assert.ok(manifest.files.includes('dist/man'));
  });
});
