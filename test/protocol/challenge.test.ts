import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import {
  type Challenge,
  challengePattern,
  isValidProof,
  createNonce,
  computeProof,
} from '../../src/protocol/challenge.ts';

const challenge: Challenge = {
  key: Buffer.alloc(32, 7),
  pipe: String.raw`\\.\pipe\iam-tokend-ada`,
  clientNonce: 'c'.repeat(43),
  daemonNonce: 'd'.repeat(43),
};

describe('the challenge', () => {
  it('computes the proofs of PROTOCOL.md', () => {
    const text = `iam-tokend 1\nclient\n${'c'.repeat(43)}\n${'d'.repeat(43)}\niam-tokend-ada`;
    const proof = crypto.createHmac('sha256', challenge.key).update(text).digest('base64url');
    assert.equal(computeProof('client', challenge, crypto), proof);
    assert.match(proof, challengePattern);
  });

  it('accepts the proof of the one side only', () => {
    const proof = computeProof('daemon', challenge, crypto);
    assert.ok(isValidProof(proof, 'daemon', challenge, crypto));
    assert.ok(!isValidProof(proof, 'client', challenge, crypto));
  });

  it('rejects a proof with another key, for another pipe or for other nonces', () => {
    const others: readonly Partial<Challenge>[] = [
      { key: Buffer.alloc(32, 8) },
      { pipe: String.raw`\\.\pipe\iam-tokend-eve` },
      { clientNonce: challenge.daemonNonce },
      { daemonNonce: challenge.clientNonce },
      { clientNonce: challenge.daemonNonce, daemonNonce: challenge.clientNonce },
    ];
    for (const other of others) {
      const proof = computeProof('daemon', { ...challenge, ...other }, crypto);
      assert.ok(!isValidProof(proof, 'daemon', challenge, crypto), Object.keys(other).join());
    }
  });

  it('ignores the prefix and the case of the pipe name', () => {
    for (const pipe of [String.raw`\\?\pipe\iam-tokend-ada`, String.raw`\\.\PIPE\IAM-tokend-Ada`]) {
      assert.ok(
        isValidProof(computeProof('client', { ...challenge, pipe }, crypto), 'client', challenge, crypto),
      );
    }
  });

  it('rejects any malformed proof without throwing', () => {
    for (const malformedProof of ['', 'x', 'é'.repeat(43), `${computeProof('client', challenge, crypto)}=`]) {
      assert.ok(!isValidProof(malformedProof, 'client', challenge, crypto));
    }
  });

  it('creates a different nonce of 32 bytes each time', () => {
    assert.match(createNonce(crypto), challengePattern);
    assert.notEqual(createNonce(crypto), createNonce(crypto));
  });
});
