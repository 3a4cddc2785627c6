import assert from 'node:assert/strict';
import { decideAccess } from '../../src/bin/iam-tokend/peer-guard.ts';
import type { AccessDecision } from '../../src/protocol/peer.ts';

function createExpected(access: 'all' | 'limited' | 'none', peerUid: number | null): AccessDecision {
  return access === 'none' || peerUid === null
    ? { rejectionReason: `the peer is another user (uid ${peerUid ?? 'unknown'})` }
    : { isOtherUser: access === 'limited', uid: peerUid };
}

describe('the access of a peer', () => {
  for (const [description, peerUid, ownDaemonAccess, systemDaemonAccess] of [
    ['the user that the daemon runs as', 1000, 'all', 'all'],
    ['root, which can be any user', 0, 'all', 'all'],
    ['another user', 1001, 'none', 'limited'],
    ['an unknown user', null, 'none', 'none'],
  ] as const) {
    it(`of ${description} is ${ownDaemonAccess} with a user's daemon, and ${systemDaemonAccess} with a system-wide one`, () => {
      assert.deepEqual(decideAccess(peerUid, 1000, false), createExpected(ownDaemonAccess, peerUid));
      assert.deepEqual(decideAccess(peerUid, 1000, true), createExpected(systemDaemonAccess, peerUid));
    });
  }
});
