/**
 * How client and daemon prove to each other over `hello` that they can read the same key file, before anything else is
 * said. It is for Windows, where another user may have taken the pipe's name first.
 */
import type * as crypto from 'node:crypto';

/** A nonce or a proof on the wire: 32 bytes, base64url without padding. */
export const challengePattern = /^[\w-]{43}$/;

export interface Challenge {
  /** At least 32 random bytes. */
  readonly key: Uint8Array;
  /** The pipe as each side knows it: who passes the words of one pipe on to another proves nothing. */
  readonly pipe: string;
  readonly clientNonce: string;
  readonly daemonNonce: string;
}

export function newNonce({ randomBytes }: Pick<typeof crypto, 'randomBytes'>): string {
  return randomBytes(32).toString('base64url');
}

/**
 * HMAC-SHA256 over five lines. The one that names the side keeps a proof from being sent back to whom it came from.
 * @param of whose proof it is
 */
export function proofOf(
  of: 'client' | 'daemon',
  { key, pipe, clientNonce, daemonNonce }: Challenge,
  { createHmac }: Pick<typeof crypto, 'createHmac'>,
): string {
  const text = ['iam-tokend 1', of, clientNonce, daemonNonce, pipeName(pipe)].join('\n');
  return createHmac('sha256', key).update(text).digest('base64url');
}

/** In a time that does not tell how much of it is right. */
export function isProof(
  given: string,
  of: 'client' | 'daemon',
  challenge: Challenge,
  { createHmac, timingSafeEqual }: Pick<typeof crypto, 'createHmac' | 'timingSafeEqual'>,
): boolean {
  const right = proofOf(of, challenge, { createHmac });
  return challengePattern.test(given) && timingSafeEqual(Buffer.from(given), Buffer.from(right));
}

/** Windows knows a pipe by two prefixes, and takes capitals for small letters. */
function pipeName(path: string): string {
  return path.replace(/^\\\\[.?]\\pipe\\/i, '').toLowerCase();
}
