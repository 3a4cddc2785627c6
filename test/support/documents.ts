import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../conventions/source-tree.ts';

/**
 * The code blocks below a heading of USAGE.md or RECIPES.md, one text for each.
 * @param languages as in the first line of a block
 */
export function readBlocks(heading: string, ...languages: readonly string[]): readonly string[] {
  const sections = ['USAGE.md', 'RECIPES.md']
    .map((name) => readFileSync(join(root, name), 'utf8'))
    .flatMap((document) => document.split(/^#{2,3} /m));
  const section = sections.find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const blocks = [...section.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .filter(([, language = '']) => languages.includes(language))
    .map(([, , text = '']) => text);
  assert.ok(blocks.length > 0, `${languages.join(' or ')} under ${heading}`);
  return blocks;
}

/** The shell commands below a heading, one text for each block. */
export function readCommandBlocks(heading: string): readonly string[] {
  return readBlocks(heading, 'sh', 'bash');
}
