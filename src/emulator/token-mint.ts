import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export interface MintedToken {
  readonly token: string;
  readonly expiresAtMs: number;
  /** As IAM writes it: with nanoseconds, of which we know only the first three digits. */
  readonly expiresAt: string;
}

export interface TokenMint {
  mint(subject: string, expiresAtMs: number): MintedToken;
  /** The subject of a token of this mint that is alive at `nowMs`; `null` for any other. */
  subjectOf(token: string, nowMs: number): string | null;
  revoke(token: string): void;
}

const subjectTag = 0x0a;
const lifeTag = 0x12;
/** Expiry and serial number, 8 bytes each. */
const lifeBytes = 16;

/**
 * IAM tokens that look like the real ones: the documented pattern, with the subject where real tokens were seen to
 * have it (`src/sources/token-subject.ts`). What the token says is in itself, so that nothing grows with their number.
 */
export function tokenMint(): TokenMint {
  const key = randomBytes(64);
  const revoked = new Set<string>();
  let serial = 0;

  return {
    mint(subject, expiresAtMs) {
      serial += 1;
      const payload = payloadOf(subject, Math.floor(expiresAtMs), serial);
      return {
        token: `t1.${payload}.${signature(payload).toString('base64url')}`,
        expiresAtMs: Math.floor(expiresAtMs),
        expiresAt: nanosecondTimestamp(expiresAtMs, serial),
      };
    },

    subjectOf(token, nowMs) {
      const [prefix, payload, signed, ...rest] = token.split('.');
      if (prefix !== 't1' || payload === undefined || signed === undefined || rest.length > 0) return null;
      const given = Buffer.from(signed, 'base64url');
      const right = signature(payload);
      if (given.length !== right.length || !timingSafeEqual(given, right) || revoked.has(token)) return null;
      const message = inverted(Buffer.from(payload, 'base64url'));
      const subjectEnd = 2 + message.readUInt8(1);
      const expiresAtMs = Number(message.readBigUInt64BE(subjectEnd + 2));
      return expiresAtMs > nowMs ? message.toString('latin1', 2, subjectEnd) : null;
    },

    revoke(token) {
      revoked.add(token);
    },
  };

  function signature(payload: string): Buffer {
    return createHmac('sha512', key).update(payload).digest();
  }
}

function payloadOf(subject: string, expiresAtMs: number, serial: number): string {
  const life = Buffer.alloc(lifeBytes);
  life.writeBigUInt64BE(BigInt(expiresAtMs));
  life.writeBigUInt64BE(BigInt(serial), 8);
  const message = Buffer.concat([
    Buffer.from([subjectTag, subject.length]),
    Buffer.from(subject, 'latin1'),
    Buffer.from([lifeTag, lifeBytes]),
    life,
  ]);
  return inverted(message).toString('base64url');
}

function inverted(bytes: Buffer): Buffer {
  return Buffer.from(bytes.map((byte) => ~byte));
}

function nanosecondTimestamp(atMs: number, serial: number): string {
  const belowMs = String((serial * 271_828 + 215_444) % 1_000_000).padStart(6, '0');
  return new Date(atMs).toISOString().replace('Z', `${belowMs}Z`);
}
