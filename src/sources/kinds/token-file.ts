import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { Secret } from '../../shared/secret.ts';
import type { FileDeadline } from '../../files/file-deadline.ts';
import { errorCode, errorReason } from '../../shared/error-utils.ts';

/** A JWT has a few kilobytes. */
const maxFileBytes = 64 * 1024;

export type TokenFileResult =
  | {
      readonly ok: true;
      readonly token: Secret;
      /** Its `exp` (RFC 7519, section 4.1.4), in milliseconds since the epoch; `null` without a valid one. */
      readonly expiresAtMs: number | null;
    }
  /** One sentence, without any of the file's content. */
  | { readonly ok: false; readonly message: string };

/**
 * Reads an OIDC token from a file that another program renews, such as Kubernetes (a projected volume) or a CI system.
 * Never blocks on a named pipe or a device, and gives up a file system that does not respond.
 */
export async function readTokenFile(path: string, deadline: FileDeadline): Promise<TokenFileResult> {
  try {
    return await deadline.run(`token file ${path}`, () => readToken(path));
  } catch (error) {
    return { ok: false, message: `the token file ${path} cannot be read: ${errorReason(error)}` };
  }
}

async function readToken(path: string): Promise<TokenFileResult> {
  const createInvalidResult = (reason: string): TokenFileResult => ({
    ok: false,
    message: `the token file ${path} ${reason}`,
  });
  let content: string;
  try {
    // Windows has no O_NONBLOCK, and its named pipes are not files.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stat = await file.stat();
      if (stat.isDirectory()) return createInvalidResult('is a folder');
      if (!stat.isFile()) return createInvalidResult('is not a regular file');
      const { text } = process.getBuiltinModule('node:stream/consumers');
      content = await text(file.createReadStream({ end: maxFileBytes, autoClose: false }));
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = errorCode(error) ?? 'unknown';
    return createInvalidResult(reasonByErrorCode.get(code) ?? `cannot be read (${code})`);
  }
  if (Buffer.byteLength(content) > maxFileBytes)
    return createInvalidResult(`is larger than ${maxFileBytes / 1024} KiB`);
  const token = content.trim();
  if (token === '') return createInvalidResult('is empty');
  const claims = parseClaims(token);
  if (claims === null) return createInvalidResult('holds no OIDC token (no JWT)');
  return { ok: true, token: new Secret(token), expiresAtMs: parseExpiryMs(claims.exp) };
}

/** The last second of the year 9999: `Date` can format all times up to it. */
const maxExpirySeconds = 253_402_300_799;

function parseExpiryMs(exp: unknown): number | null {
  return typeof exp === 'number' && exp >= 0 && exp <= maxExpirySeconds ? exp * 1_000 : null;
}

/** By system error code. */
const reasonByErrorCode: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ENOENT: 'does not exist',
    ENOTDIR: 'does not exist',
    EACCES: 'cannot be read: permission denied',
    EPERM: 'cannot be read: permission denied',
    EISDIR: 'is a folder',
  }),
);

/** The claims of a JWT, without a check of its signature; `null` if the text is not a JWT. */
function parseClaims(token: string): { readonly exp?: unknown } | null {
  const encodedClaims = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token)?.[1];
  if (encodedClaims === undefined) return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(encodedClaims, 'base64url').toString());
    return typeof value === 'object' ? value : null;
  } catch {
    // Not JSON, so not a JWT.
    return null;
  }
}
