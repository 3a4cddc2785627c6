import assert from 'node:assert/strict';
import { HttpFailure } from '../../../src/shared/http-client.ts';
import type { ExchangeFailure } from '../../../src/token/token-source.ts';
import {
  createResponse,
  captureFailure,
  futureExpiry,
  createStatusResponse,
  createTokenResponse,
} from '../../support/iam/iam-responses.ts';
import type { ScriptedResponse } from '../../support/iam/scripted-http.ts';

describe('a response of IAM is classified by its body:', () => {
  const page = '<!doctype html><h1>Access denied</h1>';
  const rows: readonly (readonly [string, ScriptedResponse, ExchangeFailure['kind'], RegExp])[] = [
    // Terminal errors of IAM.
    [
      'code 3 under 400',
      createStatusResponse(3, 'bad field'),
      'terminal',
      /^IAM rejected the request with code 3: bad field$/,
    ],
    [
      'code 7 under 403',
      createStatusResponse(7, 'no role', 403),
      'terminal',
      /^IAM rejected the request with code 7: no role$/,
    ],
    [
      'code 9 under 400',
      createStatusResponse(9, 'blocked'),
      'terminal',
      /^IAM rejected the request with code 9: blocked$/,
    ],
    [
      'code 16 under 401',
      createStatusResponse(16, 'who?', 401),
      'terminal',
      /^IAM rejected the request with code 16: who\?$/,
    ],
    [
      'an error under status 200',
      createStatusResponse(16, 'who?', 200),
      'terminal',
      /^IAM rejected the request with code 16/,
    ],
    [
      'code 16 under 503',
      createStatusResponse(16, 'who?', 503),
      'terminal',
      /^IAM rejected the request with code 16/,
    ],
    [
      'code 16 with odd details',
      createStatusResponse(16, 'who?', 401, 'none'),
      'terminal',
      /^IAM rejected the request with code 16/,
    ],
    [
      'an error without a message',
      createStatusResponse(16, '', 401),
      'terminal',
      /^IAM rejected the request with code 16$/,
    ],
    // Transient errors of IAM.
    [
      'code 4 under 504',
      createStatusResponse(4, 'slow', 504),
      'transient',
      /^IAM returned HTTP 504 with code 4: slow$/,
    ],
    [
      'code 8 under 429',
      createStatusResponse(8, 'too many', 429),
      'transient',
      /^IAM returned HTTP 429 with code 8: too many$/,
    ],
    [
      'code 13 under 500',
      createStatusResponse(13, 'oops', 500),
      'transient',
      /^IAM returned HTTP 500 with code 13: oops$/,
    ],
    [
      'code 14 under 503',
      createStatusResponse(14, 'down', 503),
      'transient',
      /^IAM returned HTTP 503 with code 14: down$/,
    ],
    [
      'code 14 under 401',
      createStatusResponse(14, 'down', 401),
      'transient',
      /^IAM returned HTTP 401 with code 14: down$/,
    ],
    // Not IAM's own response.
    [
      'a 403 page of a proxy',
      createResponse(page, 403, { 'content-type': 'text/html' }),
      'transient',
      /HTTP 403 with a web page, probably from a proxy/,
    ],
    [
      'a page without a content type',
      createResponse(page),
      'transient',
      /^unexpected response from IAM .*: HTTP 200 with a web page/,
    ],
    [
      '401 without a word',
      createResponse('', 401),
      'transient',
      /^unexpected response from IAM .*: HTTP 401 with an empty body$/,
    ],
    [
      '401 with JSON of another',
      createResponse({ error: 'denied' }, 401),
      'transient',
      /^unexpected response from IAM .*: HTTP 401 with JSON that is not in its error format$/,
    ],
    [
      'a code that is a string',
      createResponse({ code: 'UNAUTHENTICATED', message: 'no' }, 401),
      'transient',
      /not in its error format/,
    ],
    ['a code without a message', createResponse({ code: 16 }, 401), 'transient', /not in its error format/],
    [
      'code 0',
      createResponse({ code: 0, message: 'fine' }),
      'transient',
      /^invalid response from IAM: no token$/,
    ],
    ['code 17', createResponse({ code: 17, message: 'new' }, 500), 'transient', /not in its error format/],
    [
      'a token under 500',
      createResponse({ iamToken: 't1.a.b', expiresAt: futureExpiry }, 500),
      'transient',
      /not in its error format/,
    ],
    [
      'a redirect',
      createResponse('', 302, { location: '/login' }),
      'transient',
      /^unexpected response from IAM .*: HTTP 302 with a redirect/,
    ],
    [
      'an empty body',
      createResponse(''),
      'transient',
      /^unexpected response from IAM .*: HTTP 200 with an empty body$/,
    ],
    ['white space', createResponse(' \r\n'), 'transient', /with an empty body$/],
    ['junk', createResponse('\u0000{]'), 'transient', /: HTTP 200 with a body that is not a JSON object$/],
    ['a truncated response', createResponse('{"iamToken":"t1.a'), 'transient', /not a JSON object$/],
    ['an array', createResponse([]), 'transient', /not a JSON object$/],
    ['null', createResponse('null'), 'transient', /not a JSON object$/],
    ['a string', createResponse('"t1.a.b"'), 'transient', /not a JSON object$/],
    [
      'a response of 1 GB',
      new HttpFailure('the answer is larger than 256 KiB'),
      'transient',
      /^cannot reach IAM: the answer is larger/,
    ],
    [
      'a connection that is closed',
      new HttpFailure('the connection was cut off'),
      'transient',
      /^cannot reach IAM: the connection was cut off$/,
    ],
    // Unusable tokens.
    [
      'no token',
      createResponse({ expiresAt: futureExpiry }),
      'transient',
      /^invalid response from IAM: no token$/,
    ],
    [
      'an empty token',
      createTokenResponse(futureExpiry, ''),
      'transient',
      /^invalid response from IAM: no token$/,
    ],
    [
      'a number as token',
      createTokenResponse(futureExpiry, 17),
      'transient',
      /^invalid response from IAM: no token$/,
    ],
    [
      'a token with a control character',
      createTokenResponse(futureExpiry, 't1.a\u0007b.c'),
      'transient',
      /invalid characters$/,
    ],
    [
      'a token with a line break',
      createTokenResponse(futureExpiry, 't1.a\r\nX: y'),
      'transient',
      /invalid characters$/,
    ],
    ['a token with a space', createTokenResponse(futureExpiry, 't1.a b'), 'transient', /invalid characters$/],
    [
      'a token of 4,097 characters',
      createTokenResponse(futureExpiry, 'a'.repeat(4_097)),
      'transient',
      /longer than 4,096 characters$/,
    ],
    ['no expiry', createResponse({ iamToken: 't1.a.b' }), 'transient', /: no expiresAt$/],
    ['a number as expiry', createTokenResponse(1_795_000_000), 'transient', /: no expiresAt$/],
    [
      'an expiry without a zone',
      createTokenResponse('2026-11-24T20:00:00'),
      'transient',
      /expiresAt '2026-11-24T20:00:00' is not an RFC 3339 timestamp$/,
    ],
    [
      'an expiry that is not a time',
      createTokenResponse('in a while'),
      'transient',
      /expiresAt is not an RFC 3339 timestamp$/,
    ],
    [
      'ten fraction digits',
      createTokenResponse('2026-11-24T20:00:00.0123456789Z'),
      'transient',
      /not an RFC 3339 timestamp$/,
    ],
    [
      'a decimal point without digits',
      createTokenResponse('2026-11-24T20:00:00.Z'),
      'transient',
      /not an RFC 3339 timestamp$/,
    ],
    [
      'a day that does not exist',
      createTokenResponse('2026-11-31T20:00:00Z'),
      'transient',
      /not an RFC 3339 timestamp$/,
    ],
    [
      'an hour that does not exist',
      createTokenResponse('2026-11-24T24:00:00Z'),
      'transient',
      /not an RFC 3339 timestamp$/,
    ],
    [
      'an expiry in the past',
      createTokenResponse('2026-11-24T11:59:59Z'),
      'transient',
      /: the expiry 2026-11-24T11:59:59\S* is in the past$/,
    ],
    ['an expiry that is now', createTokenResponse('2026-11-24T12:00:00Z'), 'transient', /is in the past$/],
    [
      'an expiry in 25 hours',
      createTokenResponse('2026-11-25T13:00:00Z'),
      'transient',
      /the expiry 2026-11-25T13\S* is too far in the future$/,
    ],
    [
      'an expiry in a hundred years',
      createTokenResponse('2126-11-24T12:00:00Z'),
      'transient',
      /too far in the future$/,
    ],
  ];
  for (const [name, scripted, kind, message] of rows) {
    it(`${name}: ${kind}`, async () => {
      const failure = await captureFailure(scripted);
      assert.equal(failure.kind, kind);
      assert.match(failure.message, message);
      assert.equal(failure.retryOnSchedule, name.startsWith('code 7') ? true : undefined);
      assert.equal(failure.hint !== undefined, kind === 'terminal' || failure.suspectsClock === true);
      // The scripted responses have no `Date`.
      assert.equal(failure.suspectsClock === true, /in the past$|in the future$/.test(failure.message));
    });
  }

  it('E12: an expiry in the past by the Date of the response does not suspect the local clock', async () => {
    const expired = createTokenResponse('2026-11-24T11:59:59Z');
    const { suspectsClock, hint } = await captureFailure({
      ...expired,
      headers: new Map([['date', 'Tue, 24 Nov 2026 12:00:00 GMT']]),
    });
    assert.deepEqual([suspectsClock, hint], [undefined, undefined]);
  });
});
