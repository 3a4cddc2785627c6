/**
 * Mutual proof, over `hello` and before any other method, that client and daemon can read the same key file. For
 * Windows, where another user can create the pipe of that name first.
 */
import type * as crypto from 'node:crypto';

/** A nonce or a proof on the wire: 32 bytes, base64url without padding. */
export const challengePattern = /^[\w-]{43}$/;

export interface Challenge {
  /** At least 32 random bytes. */
  readonly key: Uint8Array;
  /** Part of the proof, so that a relay from another pipe fails. */
  readonly pipe: string;
  readonly clientNonce: string;
  readonly daemonNonce: string;
}

export function createNonce({ randomBytes }: Pick<typeof crypto, 'randomBytes'>): string {
  return randomBytes(32).toString('base64url');
}

/**
 * HMAC-SHA256 over five lines.
 * @param side of the prover; in the proof, so that a peer cannot return the proof that it has received
 */
export function computeProof(
  side: 'client' | 'daemon',
  { key, pipe, clientNonce, daemonNonce }: Challenge,
  { createHmac }: Pick<typeof crypto, 'createHmac'>,
): string {
  const message = ['iam-tokend 1', side, clientNonce, daemonNonce, normalizePipeName(pipe)].join('\n');
  return createHmac('sha256', key).update(message).digest('base64url');
}

/** Compares in constant time. */
export function isValidProof(
  proof: string,
  side: 'client' | 'daemon',
  challenge: Challenge,
  { createHmac, timingSafeEqual }: Pick<typeof crypto, 'createHmac' | 'timingSafeEqual'>,
): boolean {
  const expected = computeProof(side, challenge, { createHmac });
  return challengePattern.test(proof) && timingSafeEqual(Buffer.from(proof), Buffer.from(expected));
}

/** On Windows, a pipe has two equivalent prefixes, and its name is case-insensitive. */
function normalizePipeName(path: string): string {
  return path.replace(/^\\\\[.?]\\pipe\\/i, '').toLowerCase();
}
