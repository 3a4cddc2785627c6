import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Secret } from '../shared/secret.ts';
import { systemCodeOf } from '../shared/thrown.ts';

/** A JWT is some kilobytes; more than this is another file. */
const longestBytes = 64 * 1024;

export type TokenFile =
  | { readonly ok: true; readonly token: Secret }
  /** A sentence about the file, without any of its content. */
  | { readonly ok: false; readonly message: string };

/**
 * Reads an OIDC token that others renew: Kubernetes (a projected volume), a CI system. A named pipe or a device is
 * not waited for.
 * @param nowMs by which its `exp` (RFC 7519, section 4.1.4) is judged
 */
export async function readTokenFile(path: string, nowMs: number): Promise<TokenFile> {
  const wrong = (what: string): TokenFile => ({ ok: false, message: `the token file ${path} ${what}` });
  let content: string;
  try {
    // Windows has no O_NONBLOCK, and no named pipes among its files.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stat = await file.stat();
      if (stat.isDirectory()) return wrong('is a folder');
      if (!stat.isFile()) return wrong('is no regular file');
      content = await text(file.createReadStream({ end: longestBytes, autoClose: false }));
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = systemCodeOf(error) ?? 'unknown';
    return wrong(unreadable[code] ?? `cannot be read (${code})`);
  }
  if (Buffer.byteLength(content) > longestBytes) return wrong(`is larger than ${longestBytes / 1024} KiB`);
  const token = content.trim();
  if (token === '') return wrong('is empty');
  const claims = claimsOf(token);
  if (claims === null) return wrong('holds no OIDC token (a JWT)');
  const { exp } = claims;
  return typeof exp === 'number' && exp * 1_000 <= nowMs
    ? { ok: false, message: `the token in ${path} has expired, and nobody has put a new one there` }
    : { ok: true, token: new Secret(token) };
}

/** By the system's code. */
const unreadable: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there',
  EACCES: 'may not be read',
  EPERM: 'may not be read',
  EISDIR: 'is a folder',
};

/** The claims of a JWT, whose signature is for others to check; `null` for what is none. */
function claimsOf(token: string): { readonly exp?: unknown } | null {
  const claims = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token)?.[1];
  if (claims === undefined) return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString());
    return typeof value === 'object' ? value : null;
  } catch {
    // What is no JSON is no JWT.
    return null;
  }
}
