import assert from 'node:assert/strict';
import { WarnedSessions } from '../../../src/daemon/requests/warned-sessions.ts';
import { createTestClock } from '../../support/time/test-clock.ts';

describe('18.6: the warning that renewal has ended', () => {
  it('is repeated within an hour for the same session, profile and user only', () => {
    const clock = createTestClock();
    const sessions = new WarnedSessions(clock);
    assert.equal(sessions.isRepeated('a', 'work', 1_000), false);
    assert.equal(sessions.isRepeated('a', 'work', 1_000), true);
    assert.equal(sessions.isRepeated('b', 'work', 1_000), false);
    assert.equal(sessions.isRepeated('a', 'home', 1_000), false);
    assert.equal(sessions.isRepeated('a', 'work', 1_001), false);
    clock.advance(60 * 60_000 - 1);
    assert.equal(sessions.isRepeated('a', 'work', 1_000), true);
    clock.advance(1);
    assert.equal(sessions.isRepeated('a', 'work', 1_000), false);
  });

  it('is forgotten for the oldest of more than a thousand sessions', () => {
    const sessions = new WarnedSessions(createTestClock());
    for (let session = 0; session <= 1_001; session += 1) sessions.isRepeated(`${session}`, 'work', 1_000);
    assert.equal(sessions.isRepeated('500', 'work', 1_000), true);
    assert.equal(sessions.isRepeated('0', 'work', 1_000), false);
  });
});
