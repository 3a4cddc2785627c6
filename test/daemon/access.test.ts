import assert from 'node:assert/strict';
import { accessOf } from '../../src/daemon/access.ts';

describe('the access of a peer', () => {
  for (const [who, peerUid, toOnesOwn, toTheSystems] of [
    ['the user that the daemon runs as', 1000, 'all', 'all'],
    ['root, which can be any user', 0, 'all', 'all'],
    ['another user', 1001, 'none', 'guest'],
    ['one of whom the kernel says nothing', null, 'none', 'none'],
  ] as const) {
    it(`of ${who} is ${toOnesOwn} with one's own daemon, and ${toTheSystems} with that of a system`, () => {
      assert.equal(accessOf(peerUid, 1000, false), toOnesOwn);
      assert.equal(accessOf(peerUid, 1000, true), toTheSystems);
    });
  }
});
