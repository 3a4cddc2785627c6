import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { root } from '../conventions/source-tree.ts';

/** The part of web-tree-sitter in use, which is installed for `scripts/test --all` only. */
interface TreeSitter {
  readonly Parser: { new (): Parser; init(): Promise<void> };
  readonly Language: { load(path: string): Promise<object> };
}
interface Parser {
  setLanguage(language: object): void;
  parse(text: string): { readonly rootNode: { readonly hasError: boolean } };
}

describe('PowerShell script', () => {
  it('parses as PowerShell', async () => {
    const { resolve } = createRequire(`${root}/test/slow/powershell/package.json`);
    const { Parser, Language } = (await import(pathToFileURL(resolve('web-tree-sitter')).href)) as TreeSitter;
    await Parser.init();
    const parser = new Parser();
    parser.setLanguage(await Language.load(resolve('tree-sitter-powershell/tree-sitter-powershell.wasm')));
    const hasError = (text: string): boolean => parser.parse(text).rootNode.hasError;
    const script = readFileSync(`${root}/scripts/shells/iam-token.powershell`, 'utf8');
    assert.equal(hasError(script), false);
    assert.equal(hasError(script.slice(0, -10)), true);
  });
});
