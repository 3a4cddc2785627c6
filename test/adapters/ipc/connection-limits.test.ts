import assert from 'node:assert/strict';
import { ConnectionLimits } from '../../../src/adapters/ipc/connection-limits.ts';

const userOf = (uid: number): string => `other ${uid}`;

describe('ConnectionLimits', () => {
  it('D2: admits 1,000 connections of another user, and the next after one has closed', () => {
    const limits = new ConnectionLimits();
    for (let n = 0; n < 1_000; n += 1) assert.equal(limits.admit(userOf(1)), null);
    assert.equal(limits.admit(userOf(1)), 'its user has 1000 connections');
    assert.equal(limits.admit(userOf(2)), null);
    limits.release(userOf(1));
    assert.equal(limits.admit(userOf(1)), null);
  });

  it('D2: admits 8,000 connections of all others together', () => {
    const limits = new ConnectionLimits();
    for (let n = 0; n < 8_000; n += 1) assert.equal(limits.admit(userOf(n % 10)), null);
    assert.equal(limits.admit(userOf(11)), 'other users have 8000 connections');
    limits.release(userOf(1));
    assert.equal(limits.admit(userOf(11)), null);
  });
});
