import assert from 'node:assert/strict';
import { type ParsedRequest, parseRequest } from '../../src/protocol/parse-request.ts';

const parse = (method: string, params: object): ParsedRequest =>
  parseRequest({ v: 1, id: 7, method, params });

function messageOf(parsed: ParsedRequest): string {
  assert.ok(parsed.kind === 'invalid');
  return parsed.problem.message;
}

describe('18.7: a name of a profile in a request', () => {
  it('is trimmed', () => {
    const parsed = parse('rename', { profile: '\t work', to: 'my office\u{a0}' });
    assert.ok(parsed.kind === 'request');
    assert.deepEqual(parsed.request.params, { profile: 'work', to: 'my office' });
  });

  it('does not consist of blanks', () => {
    for (const profile of ['', ' ', ' \t\u{a0}'])
      assert.match(messageOf(parse('token', { profile })), /^params\.profile must have/);
  });
});
