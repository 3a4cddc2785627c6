import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import {
  type Challenge,
  challengePattern,
  isProof,
  newNonce,
  proofOf,
} from '../../src/protocol/challenge.ts';

const challenge: Challenge = {
  key: Buffer.alloc(32, 7),
  pipe: String.raw`\\.\pipe\iam-tokend-ada`,
  clientNonce: 'c'.repeat(43),
  daemonNonce: 'd'.repeat(43),
};

describe('the challenge of a pipe', () => {
  it('is what PROTOCOL.md says it is', () => {
    const text = `iam-tokend 1\nclient\n${'c'.repeat(43)}\n${'d'.repeat(43)}\niam-tokend-ada`;
    const proof = crypto.createHmac('sha256', challenge.key).update(text).digest('base64url');
    assert.equal(proofOf('client', challenge, crypto), proof);
    assert.match(proof, challengePattern);
  });

  it('takes the proof of one side, and not the other side’s for it', () => {
    const proof = proofOf('daemon', challenge, crypto);
    assert.ok(isProof(proof, 'daemon', challenge, crypto));
    assert.ok(!isProof(proof, 'client', challenge, crypto));
  });

  it('takes no proof made with another key, for another pipe or for other nonces', () => {
    const others: readonly Partial<Challenge>[] = [
      { key: Buffer.alloc(32, 8) },
      { pipe: String.raw`\\.\pipe\iam-tokend-eve` },
      { clientNonce: challenge.daemonNonce },
      { daemonNonce: challenge.clientNonce },
      { clientNonce: challenge.daemonNonce, daemonNonce: challenge.clientNonce },
    ];
    for (const other of others) {
      const proof = proofOf('daemon', { ...challenge, ...other }, crypto);
      assert.ok(!isProof(proof, 'daemon', challenge, crypto), Object.keys(other).join());
    }
  });

  it('knows a pipe by either prefix, in small letters and capitals', () => {
    for (const pipe of [String.raw`\\?\pipe\iam-tokend-ada`, String.raw`\\.\PIPE\IAM-tokend-Ada`]) {
      assert.ok(isProof(proofOf('client', { ...challenge, pipe }, crypto), 'client', challenge, crypto));
    }
  });

  it('throws for no proof, however odd', () => {
    for (const odd of ['', 'x', 'é'.repeat(43), `${proofOf('client', challenge, crypto)}=`]) {
      assert.ok(!isProof(odd, 'client', challenge, crypto));
    }
  });

  it('makes a nonce of 32 bytes, never the same', () => {
    assert.match(newNonce(crypto), challengePattern);
    assert.notEqual(newNonce(crypto), newNonce(crypto));
  });
});
