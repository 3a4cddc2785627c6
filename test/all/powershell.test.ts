import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { root } from '../house/source-tree.ts';

/** What is used here of web-tree-sitter, which is installed for `scripts/test --all` alone. */
interface TreeSitter {
  readonly Parser: { new (): Parser; init(): Promise<void> };
  readonly Language: { load(path: string): Promise<object> };
}
interface Parser {
  setLanguage(language: object): void;
  parse(text: string): { readonly rootNode: { readonly hasError: boolean } };
}

describe('the script for PowerShell', () => {
  it('is PowerShell, as far as a parser can tell', async () => {
    const { resolve } = createRequire(`${root}/test/all/powershell/package.json`);
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
