import assert from 'node:assert/strict';
import { verifyBody } from './body.ts';
import { type SignedRequest, type VerifiedRequest, verifySignature } from './signature.ts';

// The examples of docs.aws.amazon.com/AmazonS3/latest/API: sig-v4-header-based-auth, sigv4-query-string-auth, sigv4-streaming.
const exampleSecret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const credential = 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request';
const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const inHeader: SignedRequest = {
  method: 'GET',
  url: '/test.txt',
  headers: {
    host: 'examplebucket.s3.amazonaws.com',
    range: 'bytes=0-9',
    'x-amz-content-sha256': emptyHash,
    'x-amz-date': '20130524T000000Z',
    authorization:
      `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,` +
      'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
};
const inQuery: SignedRequest = {
  method: 'GET',
  url:
    '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256' +
    `&X-Amz-Credential=${encodeURIComponent(credential)}&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400` +
    '&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  headers: { host: 'examplebucket.s3.amazonaws.com' },
};
const streamed: SignedRequest = {
  method: 'PUT',
  url: '/examplebucket/chunkObject.txt',
  headers: {
    host: 's3.amazonaws.com',
    'x-amz-date': '20130524T000000Z',
    'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    'content-encoding': 'aws-chunked',
    'x-amz-decoded-content-length': '66560',
    'content-length': '66824',
    authorization:
      `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=content-encoding;content-length;host;` +
      'x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,' +
      'Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
  },
};
const streamedBody = [
  '10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
  'a'.repeat(65_536),
  '400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
  'a'.repeat(1_024),
  '0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n',
].join('\r\n');

const verify = (request: SignedRequest, secret: string | undefined = exampleSecret): VerifiedRequest =>
  verifySignature(request, () => secret);

describe('signature of a request to S3', () => {
  for (const [place, request] of Object.entries({ inHeader, inQuery, streamed })) {
    it(`is accepted for the example of AWS: ${place}`, () => {
      assert.equal(verify(request).accessKeyId, 'AKIAIOSFODNN7EXAMPLE');
    });

    it(`is rejected for another secret, path or host: ${place}`, () => {
      const mismatch = { message: 'SignatureDoesNotMatch' };
      assert.throws(() => verify(request, `${exampleSecret}x`), mismatch);
      assert.throws(() => verify({ ...request, url: request.url.replace('txt', 'tx') }), mismatch);
      assert.throws(
        () => verify({ ...request, headers: { ...request.headers, host: 'example.net' } }),
        mismatch,
      );
    });
  }

  it('is required, by a known key', () => {
    assert.throws(() => verify({ ...inHeader, headers: {} }), { message: 'AccessDenied' });
    assert.throws(() => verifySignature(inHeader, () => undefined), { message: 'InvalidAccessKeyId' });
  });

  it('covers the session token', () => {
    const headers = { ...inHeader.headers, 'x-amz-security-token': 'added later' };
    assert.throws(() => verify({ ...inHeader, headers }), { message: 'SignatureDoesNotMatch' });
  });

  it('covers the body', () => {
    assert.equal(verifyBody(Buffer.alloc(0), verify(inHeader)).length, 0);
    assert.throws(() => verifyBody(Buffer.from('x'), verify(inHeader)), {
      message: 'XAmzContentSHA256Mismatch',
    });
    assert.equal(verifyBody(Buffer.from(streamedBody), verify(streamed)).length, 66_560);
    assert.throws(() => verifyBody(Buffer.from(streamedBody.replace('aa', 'ab')), verify(streamed)), {
      message: 'SignatureDoesNotMatch',
    });
  });
});
