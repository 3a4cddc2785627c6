import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** The head of an HTTP request. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** What a valid signature confirms. */
export interface VerifiedRequest {
  readonly accessKeyId: string;
  /** The hash of the body, `UNSIGNED-PAYLOAD`, or the name of a streaming format. */
  readonly payloadHash: string;
  /** Signs a text with the same key, for the chunks of a streaming format. */
  readonly sign: (text: string) => string;
  readonly signature: string;
  /** Time and scope, the second and third line of what is signed. */
  readonly timeAndScope: string;
}

/** The secret of an access key that was issued with this session token; `undefined` if none was. */
export type FindSecret = (accessKeyId: string, sessionToken: string | undefined) => string | undefined;

export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Uint8Array, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();

/**
 * Verifies the signature of a request to S3, in a header or in the query (Signature Version 4,
 * docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html). Does not compare the time with a clock.
 * @throws Error with S3's code as its message: `AccessDenied`, `InvalidAccessKeyId` or `SignatureDoesNotMatch`
 */
export function verifySignature(request: SignedRequest, findSecret: FindSecret): VerifiedRequest {
  const parts = parseHeader(request) ?? parseQuery(request);
  if (parts === null) throw new Error('AccessDenied');
  const [accessKeyId = '', ...scope] = parts.credential.split('/');
  const [date = '', region = '', service = '', terminator = ''] = scope;
  const secret = findSecret(accessKeyId, parts.sessionToken);
  if (secret === undefined) throw new Error('InvalidAccessKeyId');
  let key = hmac(`AWS4${secret}`, date);
  for (const part of [region, service, terminator]) key = hmac(key, part);
  const sign = (text: string): string => hmac(key, text).toString('hex');
  const timeAndScope = `${parts.time}\n${scope.join('/')}`;
  const expected = sign(`AWS4-HMAC-SHA256\n${timeAndScope}\n${sha256(canonicalRequestOf(request, parts))}`);
  const isValid =
    expected.length === parts.signature.length &&
    timingSafeEqual(Buffer.from(expected), Buffer.from(parts.signature)) &&
    parts.time.startsWith(date) &&
    service === 's3' &&
    parts.signedHeaders.includes('host') &&
    // Unsigned, it could be replaced.
    (parts.sessionToken === undefined || parts.isSessionTokenSigned);
  if (!isValid) throw new Error('SignatureDoesNotMatch');
  return { accessKeyId, payloadHash: parts.payloadHash, sign, signature: expected, timeAndScope };
}

interface SignatureParts {
  readonly credential: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly time: string;
  readonly sessionToken: string | undefined;
  readonly isSessionTokenSigned: boolean;
  readonly payloadHash: string;
}

function parseHeader({ headers }: SignedRequest): SignatureParts | null {
  const { authorization = '' } = headers;
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  if (match === null) return null;
  const [, credential = '', names = '', signature = ''] = match;
  const signedHeaders = names.split(';');
  return {
    credential,
    signedHeaders,
    signature,
    time: headerOf(headers, 'x-amz-date'),
    sessionToken: headerOf(headers, 'x-amz-security-token') || undefined,
    isSessionTokenSigned: signedHeaders.includes('x-amz-security-token'),
    payloadHash: headerOf(headers, 'x-amz-content-sha256'),
  };
}

/** A presigned URL. */
function parseQuery({ url }: SignedRequest): SignatureParts | null {
  const query = new URL(url, 'http://localhost').searchParams;
  const signature = query.get('X-Amz-Signature');
  if (query.get('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256' || signature === null) return null;
  return {
    credential: query.get('X-Amz-Credential') ?? '',
    signedHeaders: (query.get('X-Amz-SignedHeaders') ?? '').split(';'),
    signature,
    time: query.get('X-Amz-Date') ?? '',
    sessionToken: query.get('X-Amz-Security-Token') ?? undefined,
    isSessionTokenSigned: true,
    payloadHash: 'UNSIGNED-PAYLOAD',
  };
}

function canonicalRequestOf(
  { method, url, headers }: SignedRequest,
  { signedHeaders, payloadHash }: SignatureParts,
): string {
  const [path = '', query = ''] = url.split(/\?(.*)/s);
  const parameters = query
    .split('&')
    .filter((parameter) => parameter !== '' && !parameter.startsWith('X-Amz-Signature='))
    .map((parameter) => parameter.split(/=(.*)/s).slice(0, 2).map(reencode))
    .map(([name = '', value = '']) => `${name}=${value}`);
  return [
    method,
    path.split('/').map(reencode).join('/'),
    parameters.toSorted().join('&'),
    ...signedHeaders.map((name) => `${name}:${headerOf(headers, name)}`),
    '',
    signedHeaders.join(';'),
    payloadHash,
  ].join('\n');
}

function headerOf(headers: IncomingHttpHeaders, name: string): string {
  return String(headers[name] ?? '')
    .trim()
    .replaceAll(/ +/g, ' ');
}

/** Percent-encodes all bytes but those that RFC 3986 reserves for no purpose. */
function reencode(text: string): string {
  return encodeURIComponent(decodeURIComponent(text)).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
