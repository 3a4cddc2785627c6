import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { allCommands } from '../../src/cli/command-table.ts';
import { exitCodes, exitCodeOf } from '../../src/cli/parsing/exit-codes.ts';
import { createConfigSchema } from '../../src/config/config.ts';
import { errorCodes } from '../../src/shared/errors.ts';
import { parseMarkdownTable } from '../support/markdown-table.ts';
import { assertNoFindings } from './findings.ts';
import { manifest } from './packages/package-tree.ts';
import { root } from './source-tree.ts';

const read = (path: string): string => readFileSync(posix.join(root, path), 'utf8');
const documents = ['', 'systemd', 'launchd']
  .flatMap((folder) => readdirSync(posix.join(root, folder)).map((name) => posix.join(folder, name)))
  .filter((path) => path.endsWith('.md'))
  .map((path) => ({ path, text: read(path) }));

/** Paths of the sources in backticks; NAME and … mark a placeholder. */
function pathsIn(text: string): readonly string[] {
  const codes = [...text.replaceAll(/^```.*?^```/gms, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, code = '']) => code,
  );
  return codes
    .flatMap((code) => code.split(/\s+/))
    .filter((word) => /^(?:src|test|scripts|systemd|launchd)\/[\w./-]+$/.test(word))
    .filter((word) => !/[A-Z]{2,}/.test(word));
}

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

function anchorsIn(text: string): readonly string[] {
  const prose = text.replaceAll(/^```.*?^```/gms, '');
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading));
}

describe('the documents', () => {
  it('name existing files only', () => {
    assertNoFindings(
      documents.flatMap(({ path, text }) =>
        pathsIn(text)
          .filter((name) => !existsSync(posix.join(root, name)))
          .map((name) => `${path}: ${name} does not exist`),
      ),
    );
  });

  it('link to existing files and headings only', () => {
    assertNoFindings(
      documents.flatMap(({ path, text }) =>
        [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].flatMap(([, file = '', anchor]) => {
          const target = file === '' ? path : posix.join(posix.dirname(path), file);
          if (!existsSync(posix.join(root, target))) return [`${path}: ${target} does not exist`];
          return anchor === undefined || anchorsIn(read(target)).includes(anchor)
            ? []
            : [`${path}: ${target} has no heading #${anchor}`];
        }),
      ),
    );
  });

  it('put no token into the arguments of a command', () => {
    const tokenInArgument = /(?:-H|--header)[ =]["']?Authorization: Bearer \$/;
    const isWarning = (line: string): boolean => line.includes('visible to other processes');
    assertNoFindings(
      documents.flatMap(({ path, text }) =>
        text
          .split('\n')
          .filter((line) => tokenInArgument.test(line) && !isWarning(line))
          .map((line) => `${path}: ${line}`),
      ),
    );
  });
});

describe('README.md', () => {
  const text = read('README.md');

  it('has at most 200 lines', () => assert.ok(text.trimEnd().split('\n').length <= 200));

  it('lists every command', () => {
    const rows = parseMarkdownTable(text, 'Commands').map(([command = '']) => command);
    const missing = allCommands.filter(
      ({ name }) => !rows.some((row) => new RegExp(`\\b${name}\\b`).test(row)),
    );
    assert.deepEqual(missing, []);
  });

  it('shows the demo of this release', () => {
    const svg = read('scripts/demo.svg').replaceAll(/<[^>]*>/g, '');
    for (const [, title = ''] of read('scripts/demo').matchAll(/^step \d '(.*)'$/gm))
      assert.ok(svg.includes(`: ${title}`), `node scripts/generate/terminal-svg.mjs; it lacks "${title}"`);
  });
});

describe('TROUBLESHOOTING.md', () => {
  const text = read('TROUBLESHOOTING.md');

  it('lists every exit code', () => {
    const rows = parseMarkdownTable(text, 'Exit codes');
    assert.deepEqual(
      rows.map(([code]) => code),
      Object.keys(exitCodes),
    );
  });

  it('lists every error code with its exit code', () => {
    const rows = parseMarkdownTable(text, 'Error codes');
    const documented = Object.fromEntries(rows.map(([code = '', exitCode]) => [code, Number(exitCode)]));
    const codes = [...errorCodes, 'unreachable'] as const;
    assert.deepEqual(documented, Object.fromEntries(codes.map((code) => [`\`${code}\``, exitCodeOf(code)])));
  });
});

describe('USAGE.md', () => {
  it('shows every key of config.yaml', () => {
    const [example = ''] = /^store: keychain[^]*?(?=^```)/m.exec(read('USAGE.md')) ?? [];
    const keys = [...example.matchAll(/^(\w+):/gm)].map(([, key]) => key);
    assert.deepEqual(
      new Set(keys),
      new Set(
        Object.keys(createConfigSchema(() => null, 'linux', { certificates: [], violations: [] }).entries),
      ),
    );
  });
});

describe('the package', () => {
  it('contains the documents for users', () => {
    const packed = manifest.files;
    for (const path of ['USAGE.md', 'RECIPES.md', 'SERVERS.md', 'TROUBLESHOOTING.md', 'scripts/demo.svg'])
      assert.ok(packed.includes(path), path);
  });
});
