import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { reasonOf, sentenceOf } from '../../src/shared/thrown.ts';

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}

describe('what a person is told of a thrown thing', () => {
  it('is a sentence where the system refuses the use of a place', () => {
    const error = thrownBy(() => readFileSync('/dev/null/file'));
    assert.equal(reasonOf(error), 'a part of this path is no folder');
    assert.equal(sentenceOf(error), '/dev/null/file cannot be used: a part of this path is no folder');
    const refused = Object.assign(new Error("EACCES: permission denied, open '/a'"), {
      code: 'EACCES',
      path: '/a',
    });
    assert.equal(sentenceOf(refused), '/a cannot be used: you may not; see who may: ls -ld');
  });

  it('is what it says itself, where it is about no place, or about something else', async () => {
    assert.equal(sentenceOf(new Error('oh')), 'oh');
    assert.equal(sentenceOf('oh'), 'oh');
    assert.match(
      sentenceOf(thrownBy(() => readFileSync('/dev/null.none'))),
      /^ENOENT: no such file or directory/,
    );
    const error = await new Promise((resolve) => connect('/dev/null').once('error', resolve));
    assert.match(sentenceOf(error), /^connect E/);
  });
});
