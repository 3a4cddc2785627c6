import { believedToken, type TokenAnswer } from './iam-token-answer.ts';
import { timestampMs } from './timestamp.ts';

/** `<prefix>.<payload>.<signature>`: anything else in the last line is no token (the prefix may change). */
const tokenLine = /^[\w-]+\.[\w-]+={0,2}\.[\w-]+={0,2}$/;
/**
 * A yc that says a bare token does not say when it expires, and may have kept that token for hours. So little that
 * it will be true, and enough that the budget of exchanges is kept.
 */
const assumedLifeMs = 10 * 60_000;
const noToken = 'yc gave no token';

/**
 * Reads what `yc iam create-token --format json` says at the end of its output: `{"iam_token":"…","expires_at":"…"}`;
 * or the token alone, in the last line, as a yc says it that does not know the format.
 */
export function readYcToken(stdout: string, nowMs: number): TokenAnswer {
  const answer = objectAtEnd(stdout);
  if (answer !== null) {
    const { iam_token: token, expires_at: expiresAt } = answer;
    const expiry = typeof expiresAt === 'string' ? timestampMs(expiresAt) : null;
    return believedToken('yc', token, expiry ?? nowMs + assumedLifeMs, nowMs);
  }
  const token = stdout.trim().split(/\r?\n/).at(-1)?.trim() ?? '';
  if (token === '') return { ok: false, message: `${noToken}, and said nothing` };
  if (!tokenLine.test(token))
    return { ok: false, message: `${noToken}: the last line of its output is none` };
  return believedToken('yc', token, nowMs + assumedLifeMs, nowMs);
}

interface YcJson {
  readonly iam_token?: unknown;
  readonly expires_at?: unknown;
}

function objectAtEnd(stdout: string): YcJson | null {
  const start = stdout.lastIndexOf('{');
  if (start === -1) return null;
  try {
    return JSON.parse(stdout.slice(start)) as YcJson;
  } catch {
    // Words with a brace in them; the last line decides.
    return null;
  }
}
