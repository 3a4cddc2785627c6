import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { hintScenarios } from '../../slow/hints/hint-table.ts';
import { untypedHints } from '../../slow/hints/untyped-hints.ts';
import { readSourceFiles, root } from '../source-tree.ts';
import { collectHints } from './collect-hints.ts';

const collect = (text: string): readonly string[] => [...collectHints([{ path: 'src/a.ts', text }])];

describe('the table of hints', () => {
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
