import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { closeServer, listenOnLoopback } from '../network/loopback.ts';
import type { Authority } from '../network/example-authorities.ts';
import { verifyBody } from './body.ts';
import { type FindSecret, verifySignature } from './signature.ts';

export interface S3Server {
  readonly port: number;
  /** Contents by bucket and key, such as `bucket/folder/file`. */
  readonly objects: Map<string, Buffer>;
  /** The answers so far: `METHOD /bucket/key` and the status or S3's code of the error. */
  readonly log: readonly string[];
  close(): Promise<void>;
}

export interface S3ServerOptions {
  /** Also the parent domain of the buckets. */
  readonly host: string;
  readonly authority: Authority;
  readonly findSecret: FindSecret;
}

/** The part of S3 that programs need to copy small files. Rejects each request without a valid signature. */
export async function startS3Server({ host, authority, findSecret }: S3ServerOptions): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const log: string[] = [];
  const server = createServer({ cert: authority.certificate, key: authority.key }, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', `https://${host}`);
    const hostName = (request.headers.host ?? '').replace(/:\d+$/, '');
    const bucket = hostName.endsWith(`.${host}`) ? `/${hostName.slice(0, -host.length - 1)}` : '';
    const path = decodeURIComponent(bucket + pathname).slice(1);
    void (async () => {
      try {
        const body = await buffer(request);
        const { method = '', url = '', headers } = request;
        const data = verifyBody(body, verifySignature({ method, url, headers }, findSecret));
        respond(objects, { request, path, query: searchParams, data }, response);
      } catch (error) {
        sendError(response, error instanceof Error ? error.message : 'InternalError');
      }
      const outcome = response.getHeader('x-error') ?? response.statusCode;
      log.push(`${request.method} /${path} ${String(outcome)}`);
    })();
  });
  return { port: await listenOnLoopback(server), objects, log, close: () => closeServer(server) };
}

interface S3Request {
  readonly request: IncomingMessage;
  /** `bucket/key`; empty for the list of buckets. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly data: Buffer;
}

function respond(objects: Map<string, Buffer>, s3Request: S3Request, response: ServerResponse): void {
  const { request, path, data } = s3Request;
  const [bucket = '', key = ''] = path.split(/\/(.*)/s);
  if (key === '') return respondForBucket(objects, bucket, s3Request, response);
  if (request.method === 'PUT') {
    objects.set(path, data);
    response.writeHead(200, { etag: etagOf(data) }).end();
  } else if (request.method === 'DELETE') {
    objects.delete(path);
    response.writeHead(204).end();
  } else if (request.method === 'GET' || request.method === 'HEAD') {
    const content = objects.get(path);
    if (content === undefined) return sendError(response, 'NoSuchKey');
    sendObject(response, content, request);
  } else sendError(response, 'NotImplemented');
}

const documentStart = '<?xml version="1.0" encoding="UTF-8"?>\n';
const lastModified = '2026-11-24T12:00:00.000Z';

function respondForBucket(
  objects: ReadonlyMap<string, Buffer>,
  bucket: string,
  { request, query }: S3Request,
  response: ServerResponse,
): void {
  const sendXml = (text: string): unknown =>
    response.writeHead(200, { 'content-type': 'application/xml' }).end(documentStart + text);
  if (request.method === 'PUT' || request.method === 'HEAD') response.writeHead(200).end();
  else if (request.method !== 'GET') sendError(response, 'NotImplemented');
  else if (bucket === '') {
    const buckets = [...new Set([...objects.keys()].map((path) => path.split('/')[0]))];
    const names = buckets.map(
      (name) => `<Bucket><Name>${name}</Name><CreationDate>${lastModified}</CreationDate></Bucket>`,
    );
    sendXml(
      `<ListAllMyBucketsResult><Owner><ID>o</ID></Owner><Buckets>${names.join('')}</Buckets></ListAllMyBucketsResult>`,
    );
  } else if (query.has('location')) sendXml('<LocationConstraint>ru-central1</LocationConstraint>');
  else sendXml(listObjects(objects, bucket, query));
}

/** One page; keys below the delimiter are grouped. */
function listObjects(objects: ReadonlyMap<string, Buffer>, bucket: string, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const groups = new Set<string>();
  let contents = '';
  for (const [path, content] of objects) {
    const key = path.slice(bucket.length + 1);
    if (!path.startsWith(`${bucket}/`) || !key.startsWith(prefix)) continue;
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (end === -1)
      contents += `<Contents><Key>${key}</Key><LastModified>${lastModified}</LastModified><ETag>${etagOf(content)}</ETag><Size>${content.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
    else groups.add(key.slice(0, end + delimiter.length));
  }
  const commonPrefixes = [...groups].map(
    (group) => `<CommonPrefixes><Prefix>${group}</Prefix></CommonPrefixes>`,
  );
  return (
    `<ListBucketResult><Name>${bucket}</Name><Prefix>${prefix}</Prefix><Delimiter>${delimiter}</Delimiter>` +
    `<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>${contents}${commonPrefixes.join('')}</ListBucketResult>`
  );
}

/** s3cmd compares it with the hash of the file. */
const etagOf = (content: Buffer): string => `"${createHash('md5').update(content).digest('hex')}"`;

function sendObject(response: ServerResponse, content: Buffer, { method, headers }: IncomingMessage): void {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
  const start = Number(first ?? 0);
  const part = content.subarray(start, last ? Number(last) + 1 : content.length);
  if (first !== undefined)
    response.setHeader('content-range', `bytes ${start}-${start + part.length - 1}/${content.length}`);
  response.writeHead(first === undefined ? 200 : 206, {
    'content-type': 'application/octet-stream',
    'content-length': part.length,
    'last-modified': new Date(lastModified).toUTCString(),
    'accept-ranges': 'bytes',
    etag: etagOf(content),
  });
  response.end(method === 'HEAD' ? undefined : part);
}

function sendError(response: ServerResponse, code: string): void {
  const status = { NoSuchKey: 404, NotImplemented: 501, InternalError: 500 }[code] ?? 403;
  const body = `${documentStart}<Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  response.setHeader('x-error', code);
  response.writeHead(status, { 'content-type': 'application/xml' }).end(body);
}
