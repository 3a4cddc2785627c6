import assert from 'node:assert/strict';
import { FrameInput } from '../../../src/adapters/ipc/scheduled-socket.ts';

describe('FrameInput', () => {
  it('gives a few frames at a time, and the beginning of an unfinished one with the last', () => {
    const input = new FrameInput();
    input.append('a\fb\fc\fd');
    assert.deepEqual(input.take(2), { text: 'a\fb\f', frameCount: 2 });
    assert.equal(input.length, 3);
    assert.deepEqual(input.take(1), { text: 'c\fd', frameCount: 1 });
    assert.ok(input.isEmpty);
  });

  it('gives an unfinished frame at once, for the parser to keep', () => {
    const input = new FrameInput();
    input.append('ab');
    assert.deepEqual(input.take(4), { text: 'ab', frameCount: 0 });
    assert.ok(input.isEmpty);
  });

  it('appends to what is left', () => {
    const input = new FrameInput();
    input.append('a\fb\fc\f');
    input.take(1);
    input.append('d\f');
    assert.deepEqual(input.take(9), { text: 'b\fc\fd\f', frameCount: 3 });
  });
});
