import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { createFrameReader, encodeFrame, maxFrameBytes } from '../../src/protocol/envelope.ts';

describe('frames', () => {
  it('are read as written, however they are split into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat({ max: 200 }), { maxLength: 20 }),
        (messages, cuts) => {
          const bytes = Buffer.from(messages.map((message) => encodeFrame(message)).join(''));
          const readFrames = createFrameReader();
          const messagesRead: unknown[] = [];
          let offset = 0;
          for (const length of [...cuts, bytes.length]) {
            messagesRead.push(...readFrames(bytes.subarray(offset, offset + length)));
            offset += length;
          }
          assert.deepEqual(messagesRead, JSON.parse(JSON.stringify(messages)));
        },
      ),
    );
  });

  it('contain a form feed only at the end', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(encodeFrame({ text }).indexOf('\f'), encodeFrame({ text }).length - 1);
      }),
    );
  });

  const invalidFrames: readonly (readonly [string, string, RegExp])[] = [
    ['is not JSON', 'junk\f', /not JSON/],
    ['is empty', '\f', /not JSON/],
    ['is of another type', '{"type":"message","data":{}}\f', /not of type iam-token/],
    ['is a list', '["iam-token"]\f', /not of type iam-token/],
    ['is null', 'null\f', /not of type iam-token/],
    ['is a number', '1\f', /not of type iam-token/],
  ];
  for (const [description, text, reason] of invalidFrames) {
    it(`are rejected when one ${description}`, () => {
      assert.throws(
        () => createFrameReader()(Buffer.from(text)),
        (error) => error instanceof Error && reason.test(error.message) && !error.message.includes('junk'),
      );
    });
  }

  it('are rejected when an unfinished one exceeds the limit, which counts bytes', () => {
    for (const character of ['x', 'я', '€', '😀']) {
      const readFrames = createFrameReader();
      const largestFrame = Buffer.from(
        character.repeat(Math.floor(maxFrameBytes / Buffer.byteLength(character))),
      );
      assert.deepEqual(readFrames(largestFrame), []);
      assert.throws(() => readFrames(Buffer.from(character)), /has more than/, character);
    }
  });

  it('are rejected when a complete one exceeds the limit', () => {
    const empty = encodeFrame('').length - 1;
    const largestFrame = Buffer.from(encodeFrame('x'.repeat(maxFrameBytes - empty)));
    assert.equal(createFrameReader()(largestFrame).length, 1);
    assert.throws(
      () => createFrameReader()(Buffer.from(encodeFrame('x'.repeat(maxFrameBytes - empty + 1)))),
      /has more than/,
    );
  });

  it('yield undefined for a frame without data', () => {
    assert.deepEqual(createFrameReader()(Buffer.from('{"type":"iam-token"}\f')), [undefined]);
  });
});
