import { sha256, type VerifiedRequest } from './signature.ts';

/**
 * Verifies the body of a request, and removes the frames of a body in chunks
 * (docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html).
 * @throws Error with S3's code as its message
 */
export function verifyBody(body: Buffer, request: VerifiedRequest): Buffer {
  const { payloadHash } = request;
  if (payloadHash === 'UNSIGNED-PAYLOAD') return body;
  // Chunks are protected by TLS alone.
  if (payloadHash === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER')
    return Buffer.concat(parseChunks(body).map(({ data }) => data));
  if (payloadHash === 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD') return verifyChunks(body, request);
  if (!/^[0-9a-f]{64}$/.test(payloadHash)) throw new Error('NotImplemented');
  if (sha256(body) !== payloadHash) throw new Error('XAmzContentSHA256Mismatch');
  return body;
}

/** Each chunk is signed with the signature of the previous one, the last and empty chunk too. */
function verifyChunks(body: Buffer, { sign, signature, timeAndScope }: VerifiedRequest): Buffer {
  let previousSignature = signature;
  const chunks = parseChunks(body);
  for (const { data, extension } of chunks) {
    const signedText = [
      'AWS4-HMAC-SHA256-PAYLOAD',
      timeAndScope,
      previousSignature,
      sha256(''),
      sha256(data),
    ];
    const chunkSignature = sign(signedText.join('\n'));
    if (extension !== `chunk-signature=${chunkSignature}`) throw new Error('SignatureDoesNotMatch');
    previousSignature = chunkSignature;
  }
  return Buffer.concat(chunks.map(({ data }) => data));
}

interface Chunk {
  readonly data: Buffer;
  /** What follows the size, such as the signature of the chunk. */
  readonly extension: string;
}

/** @returns all chunks, with the empty one at the end */
function parseChunks(body: Buffer): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let position = 0; ;) {
    const dataStart = body.indexOf('\r\n', position) + 2;
    const head = body.toString('latin1', position, dataStart);
    const [, size, extension = ''] = /^([0-9a-f]+)(?:;(.*))?\r\n$/i.exec(head) ?? [];
    if (size === undefined) throw new Error('IncompleteBody');
    const data = body.subarray(dataStart, dataStart + Number.parseInt(size, 16));
    chunks.push({ data, extension });
    if (data.length === 0) return chunks;
    position = dataStart + data.length + 2;
  }
}
