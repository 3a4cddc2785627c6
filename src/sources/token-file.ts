import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
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
  let text: string | Extract<TokenFile, { readonly ok: false }>;
  try {
    text = await textOf(path);
  } catch (error) {
    return wrong(`the token file ${path} ${whyNot(error)}`);
  }
  if (typeof text !== 'string') return text;
  const token = text.trim();
  if (token === '') return wrong(`the token file ${path} is empty`);
  const claims = claimsOf(token);
  if (claims === null) return wrong(`the token file ${path} holds no OIDC token (a JWT)`);
  const { exp } = claims;
  if (typeof exp === 'number' && exp * 1_000 <= nowMs) {
    return wrong(`the token in ${path} has expired, and nobody has put a new one there`);
  }
  return { ok: true, token: new Secret(token) };
}

async function textOf(path: string): Promise<string | Extract<TokenFile, { readonly ok: false }>> {
  // Windows has no O_NONBLOCK, and no named pipes among its files.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) return wrong(`the token file ${path} is a folder`);
    if (!stat.isFile()) return wrong(`the token file ${path} is no regular file`);
    const buffer = Buffer.alloc(longestBytes + 1);
    let bytes = 0;
    while (bytes < buffer.length) {
      const { bytesRead } = await file.read(buffer, bytes);
      if (bytesRead === 0) return buffer.toString('utf8', 0, bytes);
      bytes += bytesRead;
    }
    return wrong(`the token file ${path} is larger than ${longestBytes / 1024} KiB`);
  } finally {
    await file.close();
  }
}

function whyNot(error: unknown): string {
  const code = systemCodeOf(error) ?? 'unknown';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'is not there';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read';
    case 'EISDIR':
      return 'is a folder';
    default:
      return `cannot be read (${code})`;
  }
}

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

function wrong(message: string): Extract<TokenFile, { readonly ok: false }> {
  return { ok: false, message };
}
