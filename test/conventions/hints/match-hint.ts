import assert from 'node:assert/strict';

/**
 * The hint in the output of a program, without what precedes it.
 * @param hint as `collectHints` returns it
 */
export function findHintLine(hint: string, printed: string): string {
  const lines = printed
    .split('\n')
    .filter((line) => /\bhint:? /.test(line))
    .map((line) => line.replace(/^.*?\bhint:? +/, '').trim());
  const line = lines.find((each) => matchesHint(hint, each));
  assert.ok(line !== undefined, `expected the hint ${hint} in: ${printed}`);
  return line;
}

/** Whether a printed line is this hint, as `collectHints` returns it; of one with several lines, the first. */
export function matchesHint(hint: string, line: string): boolean {
  return patternOf(hint).test(line);
}

function patternOf(hint: string): RegExp {
  const [firstLine = ''] = hint.split('\n');
  const text = firstLine.replace(/^[\w-]+\.ts: /, '');
  const isCommand = text.startsWith('{');
  const parts = isCommand ? ['', ...text.slice(1, -1).split(' | ')] : [text];
  const escapePart = (part: string): string =>
    part
      .split('${}')
      .map((literal) => literal.replaceAll(/[$()*+.?[\\\]^{|}/]/g, String.raw`\$&`))
      .join('.*');
  return new RegExp(`^${parts.map(escapePart).join('.*')}`);
}
