import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { errorReason, userMessage } from '../../src/shared/error-utils.ts';

function catchError(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}

describe('the message of an unexpected error', () => {
  it('names the path and the reason of a failed system call', () => {
    const error = catchError(() => readFileSync('/dev/null/file'));
    assert.equal(errorReason(error), 'a part of the path is not a folder');
    assert.equal(userMessage(error), 'cannot use /dev/null/file: a part of the path is not a folder');
    const accessError = Object.assign(new Error("EACCES: permission denied, open '/a'"), {
      code: 'EACCES',
      path: '/a',
    });
    assert.equal(userMessage(accessError), 'cannot use /a: permission denied');
  });

  it('names the path and the reason of a missing file', () => {
    assert.equal(
      userMessage(catchError(() => readFileSync('/dev/null.none'))),
      'cannot use /dev/null.none: no such file or folder',
    );
  });

  it('C10: has no code of a system call that it describes', () => {
    const longName = `/tmp/${'n'.repeat(300)}`;
    assert.equal(errorReason(catchError(() => readFileSync(longName))), 'name too long');
  });

  it('is the message of the error when it has no path or an unknown code', async () => {
    assert.equal(userMessage(new Error('oh')), 'oh');
    assert.equal(userMessage('oh'), 'oh');
    const error = await new Promise((resolve) => connect('/dev/null').once('error', resolve));
    assert.match(userMessage(error), /^connect E/);
  });
});
