import assert from 'node:assert/strict';
import { admission } from '../../src/daemon/access.ts';
import type { Admission } from '../../src/protocol/peer.ts';

function expected(access: 'all' | 'guest' | 'none', peerUid: number | null): Admission {
  return access === 'none'
    ? { refused: `it came from another user (uid ${peerUid ?? 'unknown'})` }
    : { isGuest: access === 'guest' };
}

describe('the access of a peer', () => {
  for (const [who, peerUid, toOnesOwn, toTheSystems] of [
    ['the user that the daemon runs as', 1000, 'all', 'all'],
    ['root, which can be any user', 0, 'all', 'all'],
    ['another user', 1001, 'none', 'guest'],
    ['one of whom the kernel says nothing', null, 'none', 'none'],
  ] as const) {
    it(`of ${who} is ${toOnesOwn} with one's own daemon, and ${toTheSystems} with that of a system`, () => {
      assert.deepEqual(admission(peerUid, 1000, false), expected(toOnesOwn, peerUid));
      assert.deepEqual(admission(peerUid, 1000, true), expected(toTheSystems, peerUid));
    });
  }
});
