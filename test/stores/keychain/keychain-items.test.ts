import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import {
  maxItemBytes,
  joinValue,
  createKeychainItems,
  pieceCountOf,
  splitValue,
} from '../../../src/stores/keychain/keychain-items.ts';
import { createFakeKeytar, type FakeKeytar } from '../../support/stores/fake-keytar.ts';

const limit = 64;
const values = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 150, size: 'max' });
/** Writes and removals of one key, each with the number of keytar calls after which the process dies. */
const steps = fc.array(
  fc.record({ value: fc.option(values), diesAfter: fc.option(fc.nat({ max: 15 }), { freq: 2 }) }),
  { maxLength: 6 },
);

function failAfter(keytar: FakeKeytar, calls: number | null): void {
  let remainingCalls = calls ?? Infinity;
  keytar.beforeCall = () => {
    if (remainingCalls === 0) throw new Error('died');
    remainingCalls -= 1;
  };
}

describe('keychain-items', () => {
  it('stores a value in one item when items are not limited', async () => {
    const keytar = createFakeKeytar();
    const items = createKeychainItems(keytar, null);
    await items.write('key', 'value');
    assert.deepEqual([...keytar.items], [['iam-tokend/key', 'value']]);
    assert.equal(await items.read('key'), 'value');
    await items.remove('key');
    assert.equal(await items.read('key'), null);
  });

  it('splits a long value into items whose names are no valid keys', async () => {
    const keytar = createFakeKeytar(limit);
    const items = createKeychainItems(keytar, limit);
    await items.write('key', 'x'.repeat(100));
    assert.deepEqual([...keytar.items.keys()].toSorted(), [
      'iam-tokend/key',
      'iam-tokend/key~1',
      'iam-tokend/key~2',
    ]);
    await items.write('key', 'short');
    assert.deepEqual([...keytar.items.keys()], ['iam-tokend/key']);
  });

  it('reads the old value, the new one or none after crashes, and removes all pieces', () =>
    fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const keytar = createFakeKeytar(limit);
        const items = createKeychainItems(keytar, limit);
        let possibleValues: readonly (string | null)[] = [null];
        for (const { value, diesAfter } of history) {
          failAfter(keytar, diesAfter);
          const isComplete = await (value === null ? items.remove('key') : items.write('key', value)).then(
            () => true,
            () => false,
          );
          possibleValues = isComplete ? [value] : [...possibleValues, value, null];
          failAfter(keytar, null);
          assert.ok(possibleValues.includes(await items.read('key')));
        }
        await items.remove('key');
        assert.deepEqual([...keytar.items], []);
      }),
      { numRuns: 500 },
    ));
});

const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 600, size: 'max' }),
  fc.string({ unit: 'grapheme', maxLength: 600, size: 'max' }),
  fc.string({ minLength: 200, maxLength: 2_000, size: 'max' }),
);
const limits = fc.integer({ min: 64, max: 300 });

describe('keychain-items: pieces of a value', () => {
  it('limits an item on Windows only', () => {
    assert.equal(maxItemBytes('win32'), 2_560);
    assert.equal(maxItemBytes('darwin'), null);
    assert.equal(maxItemBytes('linux'), null);
  });

  it('joins the pieces of any value, none of which is too long', () => {
    fc.assert(
      fc.property(texts, limits, (value, limit) => {
        const pieces = splitValue(value, limit);
        assert.equal(joinValue(pieces), value);
        assert.equal(pieceCountOf(pieces[0] ?? ''), pieces.length);
        for (const piece of pieces) assert.ok(Buffer.byteLength(piece) <= limit);
        // The keychain stores each piece as UTF-8.
        for (const piece of pieces) assert.equal(Buffer.from(piece).toString(), piece);
      }),
    );
  });

  it('fills each piece before the next', () => {
    assert.equal(splitValue('x'.repeat(2_500), 2_560).length, 1);
    assert.equal(splitValue('x'.repeat(2_560), 2_560).length, 2);
    assert.equal(splitValue('x'.repeat(50_000), 2_560).length, 20);
  });

  it('does not join pieces of two values', () => {
    fc.assert(
      fc.property(texts, texts, limits, fc.infiniteStream(fc.boolean()), (one, other, limit, choice) => {
        const [ones, others] = [splitValue(one, limit), splitValue(other, limit)];
        const mixed = ones.map((piece, index) =>
          choice.next().value === true ? (others[index] ?? piece) : piece,
        );
        assert.ok([one, other, null].includes(joinValue(mixed)));
      }),
    );
  });

  it('does not join a part of a value', () => {
    fc.assert(
      fc.property(texts, limits, fc.nat(), fc.nat(), (value, limit, at, cut) => {
        const pieces = splitValue(value, limit);
        const index = at % pieces.length;
        assert.equal(joinValue(pieces.toSpliced(index, 1)), null);
        assert.equal(joinValue([...pieces, 'more']), null);
        const piece = pieces[index] ?? '';
        if (piece !== '') {
          const shorter = piece.slice(0, cut % piece.length);
          assert.equal(joinValue(pieces.with(index, shorter)), null);
        }
      }),
    );
  });

  it('does not join other texts', () => {
    for (const text of ['', 'secret', '1.:', '0.AAAAAAAAAAAAAAAAAAAAAA:', '1.AAAAAAAAAAAAAAAAAAAAAA:x']) {
      assert.equal(joinValue([text]), null);
    }
    assert.equal(pieceCountOf('secret'), 0);
    assert.equal(pieceCountOf('0.AAAAAAAAAAAAAAAAAAAAAA:'), 0);
  });
});
