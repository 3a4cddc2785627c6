import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import {
  itemAtMostBytes,
  joinValue,
  keychainItems,
  pieceCount,
  splitValue,
} from '../../src/keychain/keychain-items.ts';
import { fakeKeytar, type FakeKeytar } from '../support/fake-keytar.ts';

const limit = 64;
const values = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 150, size: 'max' });
/** Everything that may be done to one key, and after how many calls to keytar the process dies in the midst of it. */
const steps = fc.array(
  fc.record({ value: fc.option(values), diesAfter: fc.option(fc.nat({ max: 15 }), { freq: 2 }) }),
  { maxLength: 6 },
);

function dieAfter(keytar: FakeKeytar, calls: number | null): void {
  let left = calls ?? Infinity;
  keytar.before = () => {
    if (left === 0) throw new Error('died');
    left -= 1;
  };
}

describe('keychain-items', () => {
  it('keeps a value as it is where an item has no limit', async () => {
    const keytar = fakeKeytar();
    const items = keychainItems(keytar, null);
    await items.write('key', 'value');
    assert.deepEqual([...keytar.items], [['iam-tokend/key', 'value']]);
    assert.equal(await items.read('key'), 'value');
    await items.remove('key');
    assert.equal(await items.read('key'), null);
  });

  it('splits where it has one, with names that no other key can have', async () => {
    const keytar = fakeKeytar(limit);
    const items = keychainItems(keytar, limit);
    await items.write('key', 'x'.repeat(100));
    assert.deepEqual([...keytar.items.keys()].toSorted(), [
      'iam-tokend/key',
      'iam-tokend/key~1',
      'iam-tokend/key~2',
    ]);
    await items.write('key', 'short');
    assert.deepEqual([...keytar.items.keys()], ['iam-tokend/key']);
  });

  it('reads an old value, a new one or none after any deaths, never something else, and removes every trace', () =>
    fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const keytar = fakeKeytar(limit);
        const items = keychainItems(keytar, limit);
        let possible: readonly (string | null)[] = [null];
        for (const { value, diesAfter } of history) {
          dieAfter(keytar, diesAfter);
          const done = await (value === null ? items.remove('key') : items.write('key', value)).then(
            () => true,
            () => false,
          );
          possible = done ? [value] : [...possible, value, null];
          dieAfter(keytar, null);
          assert.ok(possible.includes(await items.read('key')));
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

describe('keychain-items, a value in pieces', () => {
  it('limits an item on Windows only', () => {
    assert.equal(itemAtMostBytes('win32'), 2_560);
    assert.equal(itemAtMostBytes('darwin'), null);
    assert.equal(itemAtMostBytes('linux'), null);
  });

  it('gives back any value from its pieces, of which none is too long', () => {
    fc.assert(
      fc.property(texts, limits, (value, limit) => {
        const pieces = splitValue(value, limit);
        assert.equal(joinValue(pieces), value);
        assert.equal(pieceCount(pieces[0] ?? ''), pieces.length);
        for (const piece of pieces) assert.ok(Buffer.byteLength(piece) <= limit);
        // what the keychain keeps is the UTF-8 of each piece, not of the whole
        for (const piece of pieces) assert.equal(Buffer.from(piece).toString(), piece);
      }),
    );
  });

  it('makes one piece of what fits into one, and fills pieces', () => {
    assert.equal(splitValue('x'.repeat(2_500), 2_560).length, 1);
    assert.equal(splitValue('x'.repeat(2_560), 2_560).length, 2);
    assert.equal(splitValue('x'.repeat(50_000), 2_560).length, 20);
  });

  it('takes no mixture of two values for a value', () => {
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

  it('takes no part of a value for a value', () => {
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

  it('takes nothing foreign for a value', () => {
    for (const text of ['', 'secret', '1.:', '0.AAAAAAAAAAAAAAAAAAAAAA:', '1.AAAAAAAAAAAAAAAAAAAAAA:x']) {
      assert.equal(joinValue([text]), null);
    }
    assert.equal(pieceCount('secret'), 0);
    assert.equal(pieceCount('0.AAAAAAAAAAAAAAAAAAAAAA:'), 0);
  });
});
