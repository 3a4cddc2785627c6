import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseCommandLine } from '../../../src/cli/parsing/parse-command-line.ts';
import { hintScenarios } from '../../slow/hints/hint-table.ts';
import { hintsWithoutCommand, untypedCommands, untypedHints } from '../../slow/hints/untyped-hints.ts';
import { readSourceFiles, root } from '../source-tree.ts';
import { collectHints } from './collect-hints.ts';
import { listTypedHints } from './list-typed-hints.ts';

const collect = (text: string): readonly string[] => [...collectHints([{ path: 'src/a.ts', text }])];

describe('the table of hints', () => {
  const { sameCommand, typedElsewhere, unreachable, otherPlatform } = untypedCommands;
  const typedHints = hintScenarios.flatMap(({ hints }) => hints);

  it('C1: has a row for each hint that the product can print, and no other', () => {
    const files = readSourceFiles().map(({ path }) => ({
      path,
      text: readFileSync(`${root}/${path}`, 'utf8'),
    }));
    const rows = new Set([...typedHints, ...untypedHints]);
    const hints = collectHints(files);
    assert.deepEqual(
      [...hints].filter((hint) => !rows.has(hint)),
      [],
      'type it in a scenario in test/slow/hints, or give the reason in untyped-hints.ts',
    );
    assert.deepEqual(
      [...rows].filter((row) => !hints.has(row)),
      [],
      'these hints no longer exist',
    );
  });

  it('C1: gives no reason for a hint that is typed', () => {
    const typed = new Set(typedHints);
    assert.deepEqual(
      untypedHints.filter((hint) => typed.has(hint)),
      [],
    );
  });

  const textOf = (hint: string): string => hint.replace(/^[\w-]+\.ts: /, '');
  /** What is typed: for a command hint, `iam-token` and its last parts. */
  const commandOf = (hint: string): string => {
    const text = textOf(hint);
    if (!text.startsWith('{')) return text.replace(/^.*: (?=\S)/s, '');
    const [, command = '', options = ''] =
      /\b(login|refresh|unlock)\b(?: \| [\w-]+)?(?: \| (--.*))?\}$/.exec(text) ?? [];
    return `iam-token ${command} ${options}`.trim();
  };

  it('C1: repeats the command of a typed hint where a row says so', () => {
    const typed = new Set([...typedHints, ...typedElsewhere.flatMap(([, hints]) => hints)]);
    for (const [hint, typedHint] of sameCommand) {
      assert.ok(typed.has(typedHint), typedHint);
      assert.equal(commandOf(hint), commandOf(typedHint));
    }
  });

  for (const [path, hints] of typedElsewhere) {
    it(`C1: finds the hints that ${path} types in the calls of its tests`, () => {
      const typed = listTypedHints(path, readFileSync(`${root}/${path}`, 'utf8'));
      assert.deepEqual(
        hints.filter((hint) => !typed.has(hint)),
        [],
      );
    });
  }

  it('C1: finds only hints that a test looks for in the output', () => {
    const typed = listTypedHints(
      'a.ts',
      `const unused = 'a'; // 'b'
      it('c', () => { const d = 'd'; const e = 'e'; run(findHintLine(d, out)); findHintLine('f', out); });
      it.skip('g', () => { findHintLine('g', out); });`,
    );
    assert.deepEqual([...typed], ['d', 'f']);
  });

  it('C1: has no command in a hint that is listed as a sentence', () => {
    const program = /(?:^|: |; |&& )(?:sudo |iam-tokend? (?!-)|systemctl |apt-get |rm |mv |chmod |yc |kill )/;
    assert.deepEqual(
      hintsWithoutCommand.filter((hint) => program.test(textOf(hint))),
      [],
    );
  });

  /** A value for a placeholder. */
  const sampleOf = (word: string): string => (word === 'URL' ? 'https://iam.example.net' : word);
  const posixHints = [
    ...sameCommand.map(([hint]) => hint),
    ...typedElsewhere.flatMap(([, hints]) => hints),
    ...unreachable,
    ...otherPlatform.filter((hint) => /: (?:iam-token |npm |\$\{\}lsof )/.test(hint)),
  ];
  for (const hint of posixHints) {
    it(`C1: is a command line that is valid: ${hint}`, () => {
      const command = commandOf(hint);
      const script = command.replaceAll('${}', 'x');
      const { status, stderr } = spawnSync('bash', ['-n', '-c', script], { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      const [program, ...words] = command.replaceAll('${}', '').trim().split(/ +/);
      if (program !== 'iam-token' || command.includes('--bundle')) return;
      assert.notEqual(parseCommandLine(words.map(sampleOf)).command.name, '');
    });
  }

  for (const [where, text, expected] of [
    ['a field', `throw new E({ message: 'm', hint: 'do it' });`, ['a.ts: do it']],
    ['a template', 'const hint = `rm ${quote(path)}`;', ['a.ts: rm ${}']],
    ['either side of a condition', `const hint = a ? 'x' : b ?? 'y';`, ['a.ts: x', 'a.ts: y']],
    [
      'a command',
      `const p = { hint: { text: 'then', command: 'login', kind } };`,
      ['a.ts: {then | login | ${}}'],
    ],
    ['an argument', `function fail(message, hint) {} fail('m', 'x');`, ['a.ts: x']],
    [
      'what a function returns',
      `function repair() { return ['x', ...more]; } const more = ['y']; f({ hint: repair() });`,
      ['a.ts: x', 'a.ts: y'],
    ],
    ['a tuple', `function reasonOf() { return ['r', 'x']; } const [reason, hint] = reasonOf();`, ['a.ts: x']],
  ] as const) {
    it(`C1: finds a hint in ${where}`, () => assert.deepEqual(collect(text), expected));
  }
});
