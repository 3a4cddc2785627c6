import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { encodeFrame, FrameError, FrameReader } from '../../src/protocol/frames.ts';
import { maxFrameBytes } from '../../src/protocol/messages.ts';

describe('frames', () => {
  it('are read as they were written, however they are cut into pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat({ max: 200 }), { maxLength: 20 }),
        (messages, cuts) => {
          const bytes = Buffer.from(messages.map((message) => encodeFrame(message)).join(''));
          const reader = new FrameReader();
          const read: unknown[] = [];
          let at = 0;
          for (const length of [...cuts, bytes.length]) {
            read.push(...reader.read(bytes.subarray(at, at + length)));
            at += length;
          }
          assert.deepEqual(read, JSON.parse(JSON.stringify(messages)));
        },
      ),
    );
  });

  it('have a form feed at the end and nowhere else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(encodeFrame({ text }).indexOf('\f'), encodeFrame({ text }).length - 1);
      }),
    );
  });

  const faults: readonly (readonly [string, string, RegExp])[] = [
    ['is not JSON', 'junk\f', /not JSON/],
    ['is empty', '\f', /not JSON/],
    ['is of another type', '{"type":"message","data":{}}\f', /not of type iam-token/],
    ['is a list', '["iam-token"]\f', /not of type iam-token/],
    ['is null', 'null\f', /not of type iam-token/],
    ['is a number', '1\f', /not of type iam-token/],
  ];
  for (const [what, text, reason] of faults) {
    it(`are refused when one ${what}`, () => {
      assert.throws(
        () => new FrameReader().read(Buffer.from(text)),
        (error) =>
          error instanceof FrameError && reason.test(error.message) && !error.message.includes('junk'),
      );
    });
  }

  it('are refused when one does not end within the limit, in characters of one byte or of more', () => {
    for (const character of ['x', 'я', '€', '😀']) {
      const reader = new FrameReader();
      const fitting = Buffer.from(character.repeat(Math.floor(maxFrameBytes / Buffer.byteLength(character))));
      assert.deepEqual(reader.read(fitting), []);
      assert.throws(() => reader.read(Buffer.from(character)), FrameError, character);
    }
  });

  it('are refused when a whole one is over the limit', () => {
    const empty = encodeFrame('').length - 1;
    const fitting = Buffer.from(encodeFrame('x'.repeat(maxFrameBytes - empty)));
    assert.equal(new FrameReader().read(fitting).length, 1);
    assert.throws(
      () => new FrameReader().read(Buffer.from(encodeFrame('x'.repeat(maxFrameBytes - empty + 1)))),
      FrameError,
    );
  });

  it('give nothing where a frame has no data', () => {
    assert.deepEqual(new FrameReader().read(Buffer.from('{"type":"iam-token"}\f')), [undefined]);
  });
});
