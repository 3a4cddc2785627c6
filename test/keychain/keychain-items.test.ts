import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { keychainItems } from '../../src/keychain/keychain-items.ts';
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
